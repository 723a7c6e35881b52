# Reading is for everybody, all else for who has the key of the team. Who is denied is told why.
package envoy.authz

import rego.v1

default allowed := false

request := input.attributes.request.http

allowed if request.method in {"GET", "HEAD"}

allowed if request.headers.authorization == "Bearer example-team-key"

result := {
	"allowed": allowed,
	"http_status": 403,
	"headers": {"x-decided-by": "opa"},
	"body": "only the team may change things",
}
