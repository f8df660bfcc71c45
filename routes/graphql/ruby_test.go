package graphql_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"patgate/routes/graphql"
)

// rubyReads gives what graphql-ruby, by which GitLab reads documents, makes of requests.
func rubyReads(t *testing.T, bodies []string) (read []map[string]any) {
	t.Helper()
	ruby, err := exec.LookPath("ruby")
	if err == nil {
		err = exec.Command(ruby, "-e", "require 'graphql'").Run()
	}
	switch {
	case err != nil && os.Getenv("PATGATE_E2E_REQUIRED") == "1":
		t.Fatal("ruby and graphql-ruby are not here: apt-get install ruby ruby-graphql")
	case err != nil:
		t.Skip("ruby and graphql-ruby are not here: apt-get install ruby ruby-graphql")
	}
	in, err := json.Marshal(bodies)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(ruby, "testdata/parse.rb")
	c.Stdin = bytes.NewReader(in)
	c.Env = append(os.Environ(), "LANG=C.UTF-8")
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("ruby: %v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out, &read); err != nil || len(read) != len(bodies) {
		t.Fatalf("ruby gives %d answers to %d requests: %v", len(read), len(bodies), err)
	}
	return read
}

// understood writes what patgate read of a request in the form of testdata/parse.rb.
func understood(t *testing.T, q *graphql.Request, d *graphql.Document) map[string]any {
	t.Helper()
	op, fragments := d.Understood()
	declared, variables, members := []any{}, map[string]any{}, []any{"query"}
	for _, v := range op.VariableDefinitions {
		otherwise := any("none")
		if v.DefaultValue != nil {
			otherwise = valueOf(v.DefaultValue)
		}
		declared = append(declared, []any{v.Variable, v.Type.String(), otherwise})
		if raw, given := q.Variables[v.Variable]; given {
			var value any
			if err := json.Unmarshal(raw, &value); err != nil {
				t.Fatal(err)
			}
			variables[v.Variable] = value
		}
	}
	if op.Name != "" {
		members = append(members, "operationName")
	}
	if len(variables) > 0 {
		members = append(members, "variables")
	}
	definitions := []any{map[string]any{"operation": string(op.Operation), "name": op.Name, "directives": []any{},
		"variables": declared, "selections": selectionsOf(op.SelectionSet)}}
	for _, f := range fragments {
		definitions = append(definitions, map[string]any{"fragment": f.Name, "on": f.TypeCondition, "directives": []any{},
			"selections": selectionsOf(f.SelectionSet)})
	}
	return map[string]any{"definitions": definitions, "operation": op.Name, "variables": variables, "members": members}
}

func selectionsOf(set ast.SelectionSet) []any {
	out := []any{}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			out = append(out, map[string]any{"name": s.Name, "key": s.Alias, "arguments": argumentsOf(s.Arguments),
				"directives": directivesOf(s.Directives), "selections": selectionsOf(s.SelectionSet)})
		case *ast.FragmentSpread:
			out = append(out, map[string]any{"spread": s.Name, "directives": directivesOf(s.Directives)})
		case *ast.InlineFragment:
			out = append(out, map[string]any{"on": s.TypeCondition, "directives": directivesOf(s.Directives),
				"selections": selectionsOf(s.SelectionSet)})
		}
	}
	return out
}

func directivesOf(list ast.DirectiveList) []any {
	out := []any{}
	for _, d := range list {
		out = append(out, []any{d.Name, argumentsOf(d.Arguments)})
	}
	return out
}

func argumentsOf(list ast.ArgumentList) []any {
	out := []any{}
	for _, a := range list {
		out = append(out, []any{a.Name, valueOf(a.Value)})
	}
	return out
}

func valueOf(v *ast.Value) any {
	switch v.Kind {
	case ast.Variable:
		return map[string]any{"v": v.Raw}
	case ast.NullValue:
		return nil
	case ast.EnumValue:
		return map[string]any{"e": v.Raw}
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.IntValue:
		n, _ := new(big.Int).SetString(v.Raw, 10)
		return map[string]any{"i": n.String()}
	case ast.FloatValue:
		n, _ := strconv.ParseFloat(v.Raw, 64) // what is too large is infinite
		return map[string]any{"f": fmt.Sprintf("%016x", math.Float64bits(n))}
	case ast.ListValue:
		items := []any{}
		for _, c := range v.Children {
			items = append(items, valueOf(c.Value))
		}
		return map[string]any{"l": items}
	case ast.ObjectValue:
		fields := []any{}
		for _, c := range v.Children {
			fields = append(fields, []any{c.Name, valueOf(c.Value)})
		}
		return map[string]any{"o": fields}
	}
	return v.Raw
}

// literals are values as parsers may read them in more than one way.
func literals(rng *rand.Rand, count int) []string {
	inner := []string{"a", `\\`, `\"`, `\/`, `\n`, `\r\t`, `\b\f`, `\u0041`, `\u005c`, `\\u0041`, `\\n`, `\\\\u00e9`, `\u0000`, `\ud83d\ude00`,
		`\u{1F600}`, `\u{41}`, "é", "日本", "😀", "\u2028", "\ufeff", "\u007f", "\u00a0", "#", "$v", "'", "{", "}", `u0041`, "\t", " ", ",",
		`\u2028`, `\u000a`, `\uFEFF`, `\u005Cu0041`, `\u005cn`}
	block := []string{"a", " ", "\n", "\r\n", "\n  ", "\n\t", "\r", `\"""`, `\`, `\u0041`, `\n`, `\\`, "é", "😀", "\u2028", "\ufeff", "#", `"a`}
	plain := []string{"0", "-0", "1", "-12", "9223372036854775808", "123456789012345678901234567890", "1.5", "-0.0", "1e5", "1E+5", "1e-400",
		"1e400", "0.1", "1.0000000000000001", "true", "false", "null", "A", "_b", "on", "fragment", "query", "type", "repeatable", "input",
		"[]", "{}", "[[1],[2,3]]", "{a:1,b:{c:[null,\"x\"]}}", "[0 -1]", "{a:1 a:2}"}
	var out []string
	for len(out) < count {
		text := ""
		switch rng.IntN(5) {
		case 0:
			text = plain[rng.IntN(len(plain))]
		case 1:
			for range rng.IntN(7) {
				text += block[rng.IntN(len(block))]
			}
			text = `"""` + text + `"""`
		default:
			for range rng.IntN(6) {
				text += inner[rng.IntN(len(inner))]
			}
			text = `"` + text + `"`
		}
		out = append(out, text)
	}
	return out
}

// asJSON gives a text as it would stand in JSON, where it can.
func asJSON(text string) any {
	if text[0] == '"' && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}

// TestGraphQLRubyReadsTheSame: what patgate sends is read by graphql-ruby as what patgate decided on, whatever the original was.
func TestGraphQLRubyReadsTheSame(t *testing.T) {
	seed := number(t, "PATGATE_DIFFERENTIAL_SEED", 13)
	count := min(number(t, "PATGATE_DIFFERENTIAL_COUNT", 600), 5000)
	rng := rand.New(rand.NewPCG(uint64(seed), 13))
	var requests []trial
	g := newGenerator(newFacts(t, loadTable(t)), uint64(seed))
	for range count {
		requests = append(requests, g.next())
	}
	between := []string{" ", ",", "\n", "# } é \"\"\"\n", "\ufeff", "\t,\r\n", "#\r"}
	for i, text := range literals(rng, 2*count) {
		b := func() string { return between[rng.IntN(len(between))] }
		requests = append(requests, trial{Query: b() + "query" + b() + "($v: String = " + text + b() + "$w: [ID!])" + b() +
			`{project(fullPath:"a/b"){` + b() + "workItems(search:" + b() + text + b() + "iid:$v,ids:$w){" + b() + "count}}}" + b(),
			Variables: map[string]any{"w": []any{text, i, nil, 1.5, map[string]any{text: text}, asJSON(text)}, "extra": text}})
	}
	reader := newReader(t, loadTable(t))
	var bodies []string
	var want []map[string]any
	for _, r := range requests {
		body, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		q, err := graphql.ParseRequest(body)
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		d, err := reader.Read(q)
		if err != nil {
			continue
		}
		bodies, want = append(bodies, string(d.Body)), append(want, understood(t, q, d))
	}
	if len(bodies) < count {
		t.Fatalf("only %d of %d documents were accepted", len(bodies), len(requests))
	}
	differ := 0
	for i, got := range rubyReads(t, bodies) {
		if reflect.DeepEqual(got, want[i]) {
			continue
		}
		if differ++; differ < 5 {
			was, _ := json.Marshal(want[i])
			is, _ := json.Marshal(got)
			t.Errorf("graphql-ruby reads something else in %s\nwant %s\n got %s", bodies[i], was, is)
		}
	}
	t.Logf("PATGATE_DIFFERENTIAL_SEED=%d: %d of %d documents sent, %d are read otherwise", seed, len(bodies), len(requests), differ)
}
