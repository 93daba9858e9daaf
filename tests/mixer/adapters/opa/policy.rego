# METADATA
# description: uses the language and the functions that authorization policies use
package mixerauthz

default allow := false

allow if input.action.method == "GET"

allow if {
	input.action.method == "POST"
	some role in data.roles[input.subject.user]
	role in {"writer", "admin"}
}

allow if net.cidr_contains("10.0.0.0/8", input.subject.properties.ip)

allow if glob.match("/public/**", ["/"], input.action.path)

allow if regex.match(`^/v[0-9]+/health$`, input.action.path)

allow if input.subject.properties.expires > time.now_ns()

allow if sprintf("%s:%d%%", [input.subject.user, count(input.action.path)]) == "eve:7%"

undefined if input.action.method == "GET"

conflict := input.action.method

conflict := input.subject.user

answer := {"allowed": false, "http_status": 402, "body": sprintf("pay, %s: %d, %v, %v, %s", [name, 5, 2 - 7, true, true])} if
	name := input.subject.user

number := to_number(input.subject.user)

big := input.subject.properties.n

values := [upper(input.subject.user), {x | some x in [3, 1, 2, 1]}, object.get(input, ["action", "x"], null), 1 / 3, 1e100]

text := concat(",", sort([trim_space(x) | some x in split(input.action.path, "/")]))

walked := count([p | walk(input, [p, _])])

encoded := json.marshal([base64.encode(input.subject.user), {"b": startswith(input.subject.user, "a")}])
