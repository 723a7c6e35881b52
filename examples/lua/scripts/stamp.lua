-- Tells the backend when the request came in, and the client how long it took.
function envoy_on_request(handle)
  local now = handle:timestamp()
  handle:headers():replace("x-received-at", tostring(now))
  handle:streamInfo():dynamicMetadata():set("stamp", "at", tostring(now))
end

function envoy_on_response(handle)
  local stamp = handle:streamInfo():dynamicMetadata():get("stamp")
  if stamp ~= nil then
    handle:headers():replace("x-took-ms", tostring(handle:timestamp() - tonumber(stamp["at"])))
  end
end
