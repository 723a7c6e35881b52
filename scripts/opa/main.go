// Evaluates a policy of Open Policy Agent: `fairway-opa policy.rego query`, with a JSON list of inputs on stdin and the list
// of what each gives on stdout. What OPA's own `check --strict` refuses is refused.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/version"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("fairway-opa", version.Version)
		return
	}
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: fairway-opa policy.rego query"))
	}
	values, err := evaluate(os.Args[1], os.Args[2])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(values); err != nil {
		fail(err)
	}
}

func evaluate(path, query string) ([]any, error) {
	policy, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	prepared, err := rego.New(rego.Query(query), rego.Module(path, string(policy)), rego.Strict(true)).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	var inputs []any
	if err := json.NewDecoder(os.Stdin).Decode(&inputs); err != nil {
		return nil, err
	}
	values := make([]any, 0, len(inputs))
	for _, input := range inputs {
		results, err := prepared.Eval(ctx, rego.EvalInput(input))
		if err != nil {
			return nil, err
		}
		if len(results) == 0 {
			values = append(values, nil)
			continue
		}
		values = append(values, results[0].Expressions[0].Value)
	}
	return values, nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
