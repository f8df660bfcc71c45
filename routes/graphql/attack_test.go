package graphql_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"patgate/routes/graphql"
)

// attack is a document that means to be read as something else than it is.
type attack struct {
	name string
	body string // a request; or else
	q    string // the query
	v    string // and its variables
	op   string // and the operation's name
	code graphql.Code
	says string   // part of the refusal's text
	acts []string // all of them: row, what is named or where
}

func (a *attack) request(t testing.TB) []byte {
	if a.body != "" {
		return []byte(a.body)
	}
	request := map[string]any{"query": a.q}
	if a.v != "" {
		request["variables"] = json.RawMessage(a.v)
	}
	if a.op != "" {
		request["operationName"] = a.op
	}
	body, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// actsOf writes acts in short: Project project:a/b, above MergeRequest/1, anywhere, user.
func actsOf(d *graphql.Document) (out []string) {
	for i := range d.Acts {
		a := &d.Acts[i]
		where := nameOf(&a.Reference)
		switch {
		case a.Reach == graphql.ReachAnywhere:
			where = "anywhere"
		case a.Reference.Variable != "":
			where = "$" + a.Reference.Variable
		case a.Reference == (graphql.Reference{}):
			where = a.Boundary.String()
		case a.Reach == graphql.ReachAbove:
			where = "above " + where
		}
		out = append(out, strings.TrimPrefix(a.Row.Path, "/api/graphql#")+" "+where)
	}
	slices.Sort(out)
	return out
}

const (
	inProject = `{project(fullPath:"a/b"){%s}}`
	deleted   = `mutation($v:%s){destroyNote(input:%s){errors}}`
)

func attacks() []attack {
	deep := func(n int) string { return strings.Repeat("forkedFrom{", n) + "id" + strings.Repeat("}", n) }
	var list []attack
	add := func(more ...attack) { list = append(list, more...) }
	add(
		// What is asked for under another name, or in a fragment, is asked for.
		attack{name: "aliases", q: `{a:project(fullPath:"a/b"){name} b:project(fullPath:"c/d"){name:description} name:currentUser{project:name}}`,
			acts: []string{"CurrentUser user", "Project project:a/b", "Project project:c/d"}},
		attack{name: "fields of the typename", q: `{__typename{project(fullPath:"secret/x"){name}} project(fullPath:"a/b"){name}}`,
			code: graphql.CodeField, says: "no fields"},
		attack{name: "fields of the typename, deep down", q: `{project(fullPath:"a/b"){issues{nodes{__typename{name}}}}}`,
			code: graphql.CodeField},
		attack{name: "arguments of the typename", q: `{project(fullPath:"a/b"){__typename(a:$undeclared)}}`, code: graphql.CodeField},
		attack{name: "an alias of the typename", q: `{__typename:project(fullPath:"a/b"){name}}`, acts: []string{"Project project:a/b"}},
		attack{name: "a fragment that hides a field", q: `{...f} fragment f on Query{project(fullPath:"a/b"){...g}} ` +
			`fragment g on Project{...{forkedFrom{name}}}`, acts: []string{"Project anywhere", "Project project:a/b"}},
		attack{name: "fragments in a circle", q: `{project(fullPath:"a/b"){...f}} fragment f on Project{...g} fragment g on Project{...f}`,
			code: graphql.CodeDocument, says: "contains itself"},
		attack{name: "a fragment in itself, by a field", q: `{project(fullPath:"a/b"){...f}} fragment f on Project{forkedFrom{...f}}`,
			code: graphql.CodeDocument, says: "contains itself"},
		attack{name: "a circle that nobody uses is not sent",
			q: `{project(fullPath:"a/b"){name}} fragment f on Project{...g} fragment g on Project{...f}`, acts: []string{"Project project:a/b"}},
		attack{name: "a fragment that is not there", q: `{project(fullPath:"a/b"){...f}}`, code: graphql.CodeDocument, says: "no fragment f"},
		attack{name: "two fragments of one name",
			q:    `{project(fullPath:"a/b"){...f}} fragment f on Project{name} fragment f on Project{forkedFrom{name}}`,
			code: graphql.CodeDocument, says: "two fragments f"},
		attack{name: "a fragment on what the object cannot be", q: fmt.Sprintf(inProject, "...on Group{name}"),
			code: graphql.CodeDocument, says: "no object can be one"},
		attack{name: "the same by a detour", q: `{workItem(id:"gid://gitlab/WorkItem/1"){author{...on User{...on Project{id}}}}}`,
			code: graphql.CodeDocument, says: "no object can be one"},
		attack{name: "a fragment on an input", q: fmt.Sprintf(inProject, "...on DestroyNoteInput{id}"), code: graphql.CodeField, says: "no type"},
		attack{name: "a fragment on a type of a newer forge", q: fmt.Sprintf(inProject, "...on Projekt{id}"), code: graphql.CodeField,
			says: "no type Projekt"},
		attack{name: "a field of a newer forge", q: fmt.Sprintf(inProject, "secretOfTheYear"), code: graphql.CodeField, says: "no field"},
		attack{name: "an argument of a newer forge", q: `{project(fullPath:"a/b",id:1){id}}`, code: graphql.CodeArgument, says: "no argument id"},

		// Directives leave out nothing that is decided.
		attack{name: "what is left out", q: `query($x:Boolean!){project(fullPath:"a/b"){name forkedFrom@include(if:$x){name}}}`, v: `{"x":false}`,
			acts: []string{"Project anywhere", "Project project:a/b"}},
		attack{name: "what is left out always", q: `{project(fullPath:"a/b"){name} p:project(fullPath:"c/d")@skip(if:true){name}}`,
			acts: []string{"Project project:a/b", "Project project:c/d"}},
		attack{name: "a directive's variable that is not declared", q: `{project(fullPath:"a/b")@include(if:$x){name}}`,
			code: graphql.CodeDocument, says: "$x is not declared"},
	)
	for place, q := range map[string]string{
		"operation": `query @d {project(fullPath:"a/b"){name}}`, "field": `{project(fullPath:"a/b")@d{name}}`,
		"leaf": `{project(fullPath:"a/b"){name @d}}`, "spread": `{project(fullPath:"a/b"){...f@d}} fragment f on Project{name}`,
		"fragment": `{project(fullPath:"a/b"){...f}} fragment f on Project@d{name}`,
		"inline":   `{project(fullPath:"a/b"){...on Project@d{name}}}`,
		"variable": `query($v:ID!@d){project(fullPath:$v){name}}`, "introspection": `{__schema{types@d{name}}}`,
	} {
		add(attack{name: "a directive on a " + place, q: q, v: `{"v":"a/b"}`, code: graphql.CodeDirective})
	}
	add(
		// Variables.
		attack{name: "a variable", q: `query($p:ID!){project(fullPath:$p){name}}`, v: `{"p":"a/b"}`, acts: []string{"Project project:a/b"}},
		attack{name: "a default value", q: `query($p:ID="a/b"){project(fullPath:$p){name}}`, acts: []string{"Project project:a/b"}},
		attack{name: "a default value that does not count", q: `query($p:ID="a/b"){project(fullPath:$p){name}}`, v: `{"p":"c/d"}`,
			acts: []string{"Project project:c/d"}},
		attack{name: "null in the place of a default value", q: `query($p:ID="a/b"){project(fullPath:$p){name}}`, v: `{"p":null}`,
			acts: []string{"Project anywhere"}},
		attack{name: "a variable without a value", q: `query($p:ID!){project(fullPath:$p){name}}`, acts: []string{"Project $p"}},
		attack{name: "a variable that is not declared", q: `{project(fullPath:$p){name}}`, v: `{"p":"a/b"}`, code: graphql.CodeDocument,
			says: "$p is not declared"},
		attack{name: "a variable that is declared twice", q: `query($p:ID="a/b",$p:ID="c/d"){project(fullPath:$p){name}}`,
			code: graphql.CodeDocument, says: "declared twice"},
		attack{name: "a default value that names a variable", q: `query($p:ID=$p){project(fullPath:$p){name}}`, code: graphql.CodeDocument},
		attack{name: "a variable too many is not sent", q: `query($p:ID!){project(fullPath:$p){name}}`, v: `{"p":"a/b","q":"c/d"}`,
			acts: []string{"Project project:a/b"}},
		attack{name: "a list of paths as a variable",
			q: `query($p:[String!]){projects(fullPaths:$p){nodes{name}}}`, v: `{"p":["a/b","c/d",null]}`,
			acts: []string{"Project project:a/b", "Project project:c/d"}},
		attack{name: "variables in a list", q: `query($p:String!){projects(fullPaths:["a/b",$p]){nodes{name}}}`, v: `{"p":"c/d"}`,
			acts: []string{"Project project:a/b", "Project project:c/d"}},
		attack{name: "one where a list is meant", q: `{projects(fullPaths:"a/b"){nodes{name}}}`, acts: []string{"Project project:a/b"}},
		attack{name: "an empty list names nothing", q: `{projects(fullPaths:[]){nodes{name}}}`, acts: []string{"Project anywhere"}},
		attack{name: "a list of null names nothing", q: `{projects(fullPaths:[null]){nodes{name}}}`, acts: []string{"Project anywhere"}},
		attack{name: "null names nothing", q: `{projects(fullPaths:null){nodes{name}}}`, acts: []string{"Project anywhere"}},
		attack{name: "an argument that is left out", q: `{projects{nodes{name}}}`, acts: []string{"Project anywhere"}},
		attack{name: "ids in a list", q: `{projects(ids:["gid://gitlab/Project/1","gid://gitlab/Project/2"]){nodes{name}}}`,
			acts: []string{"Project project#1", "Project project#2"}},
		attack{name: "a list of lists",
			q: `{projects(fullPaths:[["a/b"]]){nodes{name}}}`, code: graphql.CodeReference, says: "a list or an object"},
		attack{name: "a list where one is meant", q: `{project(fullPath:["a/b","c/d"]){name}}`,
			acts: []string{"Project project:a/b", "Project project:c/d"}},
		attack{name: "an object where a path is meant", q: `query($p:ID!){project(fullPath:$p){name}}`, v: `{"p":{"a":"a/b"}}`,
			code: graphql.CodeReference},
		attack{name: "a number where a path is meant",
			q: `query($p:ID!){project(fullPath:$p){name}}`, v: `{"p":12}`, code: graphql.CodeReference},
		attack{name: "digits where a path is meant", q: `{project(fullPath:"12"){name}}`, code: graphql.CodeReference},
		attack{name: "an enum where a path is meant", q: `{project(fullPath:a){name}}`, code: graphql.CodeReference},
		attack{name: "true where a path is meant", q: `query($p:ID!){project(fullPath:$p){name}}`, v: `{"p":true}`, code: graphql.CodeReference},
		attack{name: "an enum as an id", q: `{workItem(id:gid){id}}`, code: graphql.CodeReference},
		attack{name: "an argument that appears twice", q: `{project(fullPath:"a/b",fullPath:"c/d"){name}}`, code: graphql.CodeDocument,
			says: "appears twice"},
	)
	// Paths and global ids that the forge may read in another way.
	for _, path := range []string{"", "a", "a/b/", "/a/b", "a//b", "a/../b", "a/b#c", "a/b?c=d", "a%2Fb", "a/b\n", " a/b", "a/b.git/..", "ä/b",
		"a/\u0440", "a\\b", "gid://gitlab/Project/1", "GID://gitlab/Project/1", "a/b\x00", strings.Repeat("a/", 6000) + "b"} {
		text, _ := json.Marshal(path)
		add(attack{name: "the path " + string(text), q: `query($p:ID!){project(fullPath:$p){name}}`, v: `{"p":` + string(text) + `}`,
			code: graphql.CodeReference})
	}
	for _, id := range []string{"", "1", "gid://gitlab/WorkItem/", "gid://gitlab/WorkItem/01", "gid://gitlab/WorkItem/+1", "gid://gitlab/WorkItem/1?a=b",
		"gid://gitlab/WorkItem/1/2", "gid://gitlab/workitem/1", "gid://gitlab/WorkItem/-1", "gid://gitlab/WorkItem/1 ", "gid://gitlab/WorkItem/1e3",
		"GID://gitlab/WorkItem/1", "gid://GITLAB/WorkItem/1", "gid://other/WorkItem/1", "gid://gitlab/WorkItem/99999999999999999999",
		"gid://gitlab/Work%49tem/1", "gid://gitlab//1", "gid:gitlab/WorkItem/1", "gid://gitlab/WorkItem/１", "gid://gitlab/MergeRequest/1",
		"gid://gitlab/Project/1", "gid://gitlab/User/1"} {
		text, _ := json.Marshal(id)
		add(attack{name: "the id " + string(text), q: `query($i:WorkItemID!){workItem(id:$i){id}}`, v: `{"i":` + string(text) + `}`,
			code: graphql.CodeReference})
	}
	add(
		attack{name: "paths keep their case", q: `{project(fullPath:"A/b"){name}}`, acts: []string{"Project project:A/b"}},
		attack{name: "an issue is a work item", q: `{workItem(id:"gid://gitlab/Issue/7"){id}}`, acts: []string{"WorkItem Issue/7"}},

		// Mutations.
		attack{name: "a nested variable", q: `mutation($n:NoteID!){destroyNote(input:{id:$n}){errors}}`, v: `{"n":"gid://gitlab/Note/1"}`,
			acts: []string{"Mutation.destroyNote Note/1"}},
		attack{name: "the whole input", q: fmt.Sprintf(deleted, "DestroyNoteInput!", "$v"), v: `{"v":{"id":"gid://gitlab/Note/1"}}`,
			acts: []string{"Mutation.destroyNote Note/1"}},
		attack{name: "the whole input without a value",
			q: fmt.Sprintf(deleted, "DestroyNoteInput!", "$v"), acts: []string{"Mutation.destroyNote $v.id"}},
		attack{name: "a null id", q: fmt.Sprintf(deleted, "NoteID", "{id:$v}"), v: `{"v":null}`, acts: []string{"Mutation.destroyNote anywhere"}},
		attack{name: "a list of inputs", q: fmt.Sprintf(deleted, "DestroyNoteInput!", "[$v,{id:\"gid://gitlab/Note/2\"}]"),
			v: `{"v":{"id":"gid://gitlab/Note/1"}}`, acts: []string{"Mutation.destroyNote Note/1", "Mutation.destroyNote Note/2"}},
		attack{name: "a list of lists of inputs", q: `mutation{destroyNote(input:[[{id:"gid://gitlab/Note/1"}]]){errors}}`,
			code: graphql.CodeArgument, says: "list of lists"},
		attack{name: "a text as an input",
			q: `mutation{destroyNote(input:"gid://gitlab/Note/1"){errors}}`, code: graphql.CodeArgument, says: "not an object"},
		attack{name: "a key of an input that appears twice",
			q:    `mutation{destroyNote(input:{id:"gid://gitlab/Note/1",id:"gid://gitlab/Note/2"}){errors}}`,
			code: graphql.CodeDocument, says: "appears twice"},
		attack{name: "a key that the input does not have", q: fmt.Sprintf(deleted, "DestroyNoteInput!", "$v"), v: `{"v":{"project_path":"a/b"}}`,
			code: graphql.CodeArgument, says: "input.project_path"},
		attack{name: "a key that is none is not repeated", q: fmt.Sprintf(deleted, "DestroyNoteInput!", "$v"), v: `{"v":{"glpat-secret text":1}}`,
			code: graphql.CodeArgument, says: "name not shown"},
		attack{name: "a number as a global id", q: fmt.Sprintf(deleted, "NoteID", "{id:$v}"), v: `{"v":1}`, code: graphql.CodeReference},
		attack{name: "a list as a global id", q: fmt.Sprintf(deleted, "NoteID", "{id:$v}"), v: `{"v":[["gid://gitlab/Note/1"]]}`,
			code: graphql.CodeReference},
		attack{name: "two mutations, of which one is far away", q: `mutation{a:destroyNote(input:{id:"gid://gitlab/Note/1"}){errors}` +
			`...f} fragment f on Mutation{b:destroyNote(input:{id:"gid://gitlab/Note/2"}){errors}}`,
			acts: []string{"Mutation.destroyNote Note/1", "Mutation.destroyNote Note/2"}},
		attack{name: "an id of any class",
			q: `mutation{lifecycleCreate(input:{namespacePath:"g",name:"n",statuses:[{id:"gid://gitlab/Project/9"}],` +
				`defaultOpenStatusIndex:0,defaultClosedStatusIndex:0,defaultDuplicateStatusIndex:0}){errors}}`,
			acts: []string{"Mutation.lifecycleCreate namespace:g", "Mutation.lifecycleCreate project#9"}},

		// Operations.
		attack{name: "operationName chooses", q: `query A{project(fullPath:"a/b"){name}} query B{project(fullPath:"c/d"){name}}`, op: "B",
			acts: []string{"Project project:c/d"}},
		attack{name: "two operations and no name", q: `query A{project(fullPath:"a/b"){name}} query B{project(fullPath:"c/d"){name}}`,
			code: graphql.CodeDocument, says: "operationName"},
		attack{name: "a name that no operation has",
			q: `query A{project(fullPath:"a/b"){name}}`, op: "B", code: graphql.CodeDocument, says: "operationName"},
		attack{name: "a name in another case", q: `query A{project(fullPath:"a/b"){name}}`, op: "a", code: graphql.CodeDocument},
		attack{name: "two operations of one name", q: `query A{project(fullPath:"a/b"){name}} query A{project(fullPath:"c/d"){name}}`, op: "A",
			code: graphql.CodeDocument, says: "two operations"},
		attack{name: "an operation without a name beside another",
			q: `{project(fullPath:"a/b"){name}} query A{project(fullPath:"c/d"){name}}`, op: "A",
			code: graphql.CodeDocument, says: "stand alone"},
		attack{name: "a subscription",
			q: `subscription{issuableWeightUpdated(issuableId:"gid://gitlab/Issue/1"){id}}`, code: graphql.CodeSubscription},
		attack{name: "no operation", q: `fragment f on Project{name}`, code: graphql.CodeDocument, says: "no operation"},
		attack{name: "a schema", q: `type Query{a:Int} query{project(fullPath:"a/b"){name}}`, code: graphql.CodeDocument},

		// The schema of the schema.
		attack{name: "introspection", q: `{__schema{types{name ...on __Type{kind}}} __type(name:"Project"){...f}} fragment f on __Type{name}`},
		attack{name: "introspection that leads elsewhere",
			q: `{__schema{...on Query{project(fullPath:"a/b"){name}}}}`, code: graphql.CodeDocument},
		attack{name: "the same by name", q: `{__schema{...f}} fragment f on Query{project(fullPath:"a/b"){name}}`, code: graphql.CodeDocument},
		attack{name: "introspection below the root", q: fmt.Sprintf(inProject, "__schema{types{name}}"), code: graphql.CodeField},
		attack{name: "introspection of mutations", q: `mutation{__schema{types{name}}}`, code: graphql.CodeField},

		// Names.
		attack{name: "a name that is not ASCII", q: fmt.Sprintf(inProject, "nаme"), code: graphql.CodeDocument},
		attack{name: "a full width name", q: fmt.Sprintf(inProject, "ｎame"), code: graphql.CodeDocument},
		attack{name: "a no-break space", q: fmt.Sprintf(inProject, "name\u00a0id"), code: graphql.CodeDocument},
		attack{name: "a line separator in a comment",
			q: fmt.Sprintf(inProject, "name #\u2028 forkedFrom{name}\n"), acts: []string{"Project project:a/b"}},
		attack{name: "a carriage return ends a comment", q: fmt.Sprintf(inProject, "name #\r forkedFrom{name}\n"),
			acts: []string{"Project anywhere", "Project project:a/b"}},
		attack{name: "a zero byte", q: fmt.Sprintf(inProject, "name \x00 forkedFrom{name}"), code: graphql.CodeDocument},
		attack{name: "a path in escapes", q: `{project(fullPath:"\u0061\/b"){name}}`, acts: []string{"Project project:a/b"}},
		attack{name: "a path that is escaped twice", q: `{project(fullPath:"a/\\u0062"){name}}`, code: graphql.CodeReference},
		attack{name: "a path as a block", q: `{project(fullPath:"""` + "\n  a/b\n" + `  """){name}}`, acts: []string{"Project project:a/b"}},
		attack{name: "a surrogate alone", q: `{project(fullPath:"a/b\ud800"){name}}`, code: graphql.CodeReference},

		// Bodies.
		attack{name: "no JSON", body: `query`, code: graphql.CodeBody}, attack{name: "nothing", body: ``, code: graphql.CodeBody},
		attack{name: "null",
			body: `null`, code: graphql.CodeBody}, attack{name: "a list", body: `[{"query":"{__typename}"}]`, code: graphql.CodeBatch},
		attack{name: "two objects", body: `{"query":"{__typename}"}{"query":"{__typename}"}`, code: graphql.CodeBody},
		attack{name: "two queries", body: `{"query":"{__typename}","query":"{project(fullPath:\"a/b\"){name}}"}`, code: graphql.CodeBody},
		attack{name: "two queries, one in escapes", body: `{"query":"{__typename}","qu\u0065ry":"{a}"}`, code: graphql.CodeBody},
		attack{name: "a variable twice",
			body: `{"query":"query($p:ID!){project(fullPath:$p){name}}","variables":{"p":"a/b","p":"c/d"}}`, code: graphql.CodeBody},
		attack{name: "a key of a variable twice", body: `{"query":"{__typename}","variables":{"p":{"a":1,"a":2}}}`, code: graphql.CodeBody},
		attack{name: "variables as a text",
			body: `{"query":"{__typename}","variables":"{\"p\":\"a/b\"}"}`, code: graphql.CodeBody, says: "variables"},
		attack{name: "variables as a list", body: `{"query":"{__typename}","variables":[]}`, code: graphql.CodeBody, says: "variables"},
		attack{name: "a query that is a number", body: `{"query":1}`, code: graphql.CodeBody, says: "query is not a text"},
		attack{name: "no query", body: `{"variables":{}}`, code: graphql.CodeBody, says: "no query"},
		attack{name: "a stored query",
			body: `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"a"}}}`, code: graphql.CodeBody, says: "persisted queries"},
		attack{name: "another member", body: `{"query":"{__typename}","queryId":"a"}`, code: graphql.CodeBody, says: "nothing else"},
		attack{name: "a member in another case", body: `{"Query":"{__typename}"}`, code: graphql.CodeBody},
		attack{name: "no UTF-8", body: "{\"query\":\"{__typename #\xff\n}\"}", code: graphql.CodeBody},
		attack{name: "a surrogate alone in JSON", body: `{"query":"{__typename #\ud800\n}"}`, code: graphql.CodeBody},
		attack{name: "a byte order mark", body: "\ufeff{\"query\":\"{__typename}\"}", code: graphql.CodeBody},

		// Limits, each with its own text.
		attack{name: "a large body", body: `{"query":"{__typename}","variables":{"a":"` + strings.Repeat("a", graphql.MaxBody) + `"}}`,
			code: graphql.CodeLimit, says: "the request has more than 256 KiB"},
		attack{name: "a large query", q: "{__typename #" + strings.Repeat("a", graphql.MaxQuery) + "\n}", code: graphql.CodeLimit,
			says: "the query has more than 32 KiB"},
		attack{name: "many tokens", q: "{" + strings.Repeat("a ", graphql.MaxTokens) + "}", code: graphql.CodeDocument,
			says: "4000 tokens"},
		attack{name: "deep fields", q: fmt.Sprintf(inProject, deep(40)), code: graphql.CodeLimit, says: "nested deeper than 20"},
		attack{name: "deep introspection", q: "{__schema" + strings.Repeat("{a", 40) + strings.Repeat("}", 40) + "}", code: graphql.CodeLimit,
			says: "nested deeper than 20"},
		attack{name: "deep fragments",
			q: "{" + strings.Repeat("...{", 40) + "__typename" + strings.Repeat("}", 40) + "}", code: graphql.CodeLimit,
			says: "nested deeper than 20"},
		attack{name: "many roots",
			q: "{" + strings.Repeat("__typename ", graphql.MaxRoots+1) + "}", code: graphql.CodeLimit, says: "30 fields of the root"},
		attack{name: "many roots in fragments", q: "{" + strings.Repeat("...f ", graphql.MaxRoots+1) + "} fragment f on Query{__typename}",
			code: graphql.CodeLimit, says: "30 fields of the root"},
		attack{name: "many aliases",
			q: fmt.Sprintf(inProject, numbered("a%d:name ", graphql.MaxAliases+1)), code: graphql.CodeLimit, says: "100 fields are renamed"},
		attack{name: "many fields", q: fmt.Sprintf(inProject, strings.Repeat("...f ", 60)) + " fragment f on Project{" +
			strings.Repeat("name ", 100) + "}", code: graphql.CodeLimit, says: "more than 5000 fields"},
		attack{name: "fragments that double", q: fmt.Sprintf(inProject, "...f0") + doubling(16), code: graphql.CodeLimit},
		attack{name: "many containers", q: "{projects(fullPaths:[" + numbered(`"a/b%d" `, graphql.MaxContainers+1) + "]){nodes{name}}}",
			code: graphql.CodeLimit, says: "more than 20 projects"},
		attack{name: "a deep variable", q: `query($v:JSON){__typename}`, v: `{"v":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`,
			code: graphql.CodeLimit, says: "nested deeper than 16"},
		attack{name: "a deep literal", q: `{project(fullPath:` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500) + `){name}}`,
			code: graphql.CodeDocument},
		attack{name: "a huge number", q: `{project(fullPath:"a/b"){workItems(first:` + strings.Repeat("9", 500) + `){count}}}`,
			acts: []string{"Project project:a/b", "WorkItem project:a/b"}},
		attack{name: "a huge number in JSON", q: `query($n:Int){project(fullPath:"a/b"){workItems(first:$n){count}}}`, v: `{"n":1e999}`,
			acts: []string{"Project project:a/b", "WorkItem project:a/b"}},

		// Shapes.
		attack{name: "an object without fields", q: `{project(fullPath:"a/b")}`, code: graphql.CodeDocument},
		attack{name: "fields of a text", q: fmt.Sprintf(inProject, "name{a}"), code: graphql.CodeDocument},
		attack{name: "a count of objects",
			q: fmt.Sprintf(inProject, "mergeRequests{count}"), acts: []string{"MergeRequest project:a/b", "Project project:a/b"}},
		attack{name: "a cursor of objects", q: fmt.Sprintf(inProject, "mergeRequests{pageInfo{endCursor}}"),
			acts: []string{"MergeRequest project:a/b", "Project project:a/b"}},
		attack{name: "a rendered text", q: `{mergeRequest(id:"gid://gitlab/MergeRequest/1"){descriptionHtml}}`,
			acts: []string{"MergeRequest MergeRequest/1", "MergeRequest anywhere"}},
		attack{name: "a secret", q: fmt.Sprintf(inProject, "trackingKey"), code: graphql.CodeRefused},
		attack{name: "a secret in a fragment under another name", q: fmt.Sprintf(inProject, "...{name:trackingKey}"), code: graphql.CodeRefused},
		attack{name: "a user who is shown",
			q: `{mergeRequest(id:"gid://gitlab/MergeRequest/1"){author{name}}}`, acts: []string{"MergeRequest MergeRequest/1"}},
		attack{name: "a user of whom more is asked", q: `{mergeRequest(id:"gid://gitlab/MergeRequest/1"){author{name} author{groupCount}}}`,
			acts: []string{"MergeRequest MergeRequest/1", "MergeRequestAuthor user"}},
	)
	return list
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// doubling gives fragments each of which holds the next one twice.
func doubling(n int) string {
	text := ""
	for i := range n {
		text += fmt.Sprintf(" fragment f%d on Project{...f%d ...f%d}", i, i+1, i+1)
	}
	return text + fmt.Sprintf(" fragment f%d on Project{name}", n)
}

// TestAttacks: a document has one meaning, or none.
func TestAttacks(t *testing.T) {
	reader := newReader(t, loadTable(t))
	seen := map[graphql.Code]bool{}
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			var d *graphql.Document
			q, err := graphql.ParseRequest(a.request(t))
			if err == nil {
				d, err = reader.Read(q)
			}
			if a.code != "" {
				refused, is := err.(*graphql.Refusal)
				if !is || refused.Code != a.code || !strings.Contains(refused.Message, a.says) {
					t.Fatalf("%v, want %s: ...%s...", err, a.code, a.says)
				}
				if strings.Contains(refused.Message, "glpat-") {
					t.Errorf("the refusal repeats a value: %s", refused.Message)
				}
				seen[a.code] = true
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := actsOf(d); !slices.Equal(got, a.acts) {
				t.Errorf("acts %q\nwant %q", got, a.acts)
			}
		})
	}
	for _, code := range []graphql.Code{graphql.CodeBody, graphql.CodeBatch, graphql.CodeDocument, graphql.CodeLimit, graphql.CodeSubscription,
		graphql.CodeDirective, graphql.CodeField, graphql.CodeArgument, graphql.CodeRefused, graphql.CodeReference} {
		if !seen[code] {
			t.Errorf("no attack is refused with %s", code)
		}
	}
}

// TestPagesOfSeveralTypes: whatever tells that there is an object needs what every object there could be needs.
func TestPagesOfSeveralTypes(t *testing.T) {
	table := loadTable(t)
	replaced(t, table, "forkTargets(search: String): NamespaceConnection @other", "forkTargets(search: String): IssuableConnection")
	reader := newReader(t, table)
	all := []string{"Epic", "Issue", "MergeRequest", "Project", "WorkItem"}
	for set, want := range map[string][]string{
		"pageInfo{endCursor}": all, "edges{cursor}": all, "nodes{__typename}": all, "edges{node{...on Issuable{__typename}}}": all,
		"__typename nodes{...on Issue{iid}}":        {"Issue", "Project"},
		"edges{__typename node{...on Issue{iid}}}":  {"Issue", "Project"},
		"nodes{...on Issue{iid}...on WorkItem{id}}": {"Issue", "Project", "WorkItem"},
	} {
		d, err := reader.Read(&graphql.Request{Query: fmt.Sprintf(inProject, "forkTargets{"+set+"}")})
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		for i := range want {
			want[i] = strings.TrimSuffix(want[i], " project:a/b") + " project:a/b"
		}
		if got := actsOf(d); !slices.Equal(got, want) {
			t.Errorf("%s: acts %q, want %q", set, got, want)
		}
	}
}
