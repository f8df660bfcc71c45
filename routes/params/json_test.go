package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

func reader(s string) io.Reader { return strings.NewReader(s) }

func TestJSONIsReadStrictly(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{
		"actions[].file_path": routes.ParamPass, "inputs.*": routes.ParamPass, "milestone_id": routes.ParamPass,
		"configuration.access_token": routes.ParamPass, "forbidden": routes.ParamRefuse, "ID": routes.ParamPass,
		"sudo": routes.ParamPass, "token": routes.ParamPass, "projects[].name": routes.ParamPass,
	})
	row.Targets = []routes.Target{
		{Param: "start_project", Ref: routes.RefProject},
		{Param: "group_ids[]", Ref: routes.RefGroup},
		{Param: "entities[].target", Ref: routes.RefGroup},
	}
	deep := strings.Repeat(`{"a":`, 31) + `{}` + strings.Repeat(`}`, 31)
	for _, c := range []struct {
		name, body string
		want       refusal.Code
	}{
		{"an empty body", ``, refusal.CodeNone},
		{"an empty object", `{}`, refusal.CodeNone},
		{"values of every kind", `{"a":1,"b":"x","c":null,"d":true,"e":[1,[2]],"f":{"g":1e400}}`, refusal.CodeNone},
		{"white space around", " \n{\"a\" : 1}\r\n", refusal.CodeNone},
		{"white space alone", ` `, refusal.CodeJSON},
		{"a list", `[1]`, refusal.CodeJSON},
		{"a scalar", `1`, refusal.CodeJSON},
		{"two objects", `{}{}`, refusal.CodeJSON},
		{"text behind", `{} x`, refusal.CodeJSON},
		{"cut off", `{"a":`, refusal.CodeJSON},
		{"a comment", `{/**/"a":1}`, refusal.CodeJSON},
		{"a line comment", "{\"a\":1}//x", refusal.CodeJSON},
		{"NaN", `{"a":NaN}`, refusal.CodeJSON},
		{"a leading zero", `{"a":01}`, refusal.CodeJSON},
		{"single quotes", `{'a':1}`, refusal.CodeJSON},
		{"a trailing comma", `{"a":1,}`, refusal.CodeJSON},
		{"a byte order mark", "\ufeff{}", refusal.CodeJSON},
		{"a raw line end in a string", "{\"a\":\"\n\"}", refusal.CodeJSON},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", refusal.CodeJSON},
		{"half a surrogate pair", `{"a":"\ud800"}`, refusal.CodeJSON},
		{"a duplicate", `{"a":1,"a":2}`, refusal.CodeDuplicate},
		{"a duplicate that is escaped", `{"a":1,"\u0061":2}`, refusal.CodeDuplicate},
		{"a duplicate inside", `{"x":{"a":1,"a":2}}`, refusal.CodeDuplicate},
		{"NUL in a value", `{"a":"\u0000"}`, refusal.CodeControl},
		{"a control character in a name", `{"a":{"\u0001":1}}`, refusal.CodeControl},
		{"an escape character in a value", `{"a":"\u001b[0m"}`, refusal.CodeNone},
		{"32 levels", deep, refusal.CodeNone},
		{"33 levels", `{"a":` + deep + `}`, refusal.CodeTooDeep},

		{"sudo", `{"sudo":"root"}`, refusal.CodeReserved},
		{"sudo, escaped", `{"\u0073udo":"root"}`, refusal.CodeReserved},
		{"sudo as an object", `{"sudo":{}}`, refusal.CodeReserved},
		{"a reserved name inside", `{"a":{"private_token":"x"}}`, refusal.CodeReserved},
		{"a reserved name deep inside a list", `{"a":[{"b":{"_method":"x"}}]}`, refusal.CodeReserved},
		{"a reserved name that is declared inside", `{"configuration":{"access_token":"x"}}`, refusal.CodeNone},
		{"the declared token", `{"token":"x"}`, refusal.CodeNone},
		{"format", `{"format":"x"}`, refusal.CodeReserved},
		{"_json", `{"_json":[1]}`, refusal.CodeReserved},
		{"a token in a value", `{"a":"patgate_01234567890123456789"}`, refusal.CodeSecret},
		{"a token in a value, escaped", `{"a":"p\u0061tgate_01234567890123456789"}`, refusal.CodeSecret},
		{"a token in a name", `{"a":{"patgate_01234567890123456789":1}}`, refusal.CodeSecret},

		{"an identifier", `{"other_project_id":1}`, refusal.CodeIdentifier},
		{"an identifier inside", `{"a":[{"other_project_id":1}]}`, refusal.CodeIdentifier},
		{"an identifier in camel case", `{"a":{"projectId":1}}`, refusal.CodeIdentifier},
		{"an identifier that is a list", `{"other_project_ids":[1]}`, refusal.CodeIdentifier},
		{"an identifier that is an empty list", `{"other_project_ids":[]}`, refusal.CodeIdentifier},
		{"an identifier that is null", `{"other_project_id":null}`, refusal.CodeIdentifier},
		{"a declared identifier", `{"milestone_id":1,"actions":[{"file_path":"a","content":"b"}]}`, refusal.CodeNone},
		{"declared inside another container", `{"x":{"milestone_id":1}}`, refusal.CodeIdentifier},
		{"a container whose content is declared", `{"projects":[{"name":"x"}]}`, refusal.CodeNone},
		{"the same container with a scalar", `{"projects":[5]}`, refusal.CodeIdentifier},
		{"the same container with another identifier", `{"projects":[{"id":5}]}`, refusal.CodeIdentifier},
		{"a refused parameter", `{"forbidden":1}`, refusal.CodeDeclaredRefused},
		{"below a refused parameter", `{"forbidden":{"a":1}}`, refusal.CodeDeclaredRefused},
		{"an odd name at the top", `{"Upper":1}`, refusal.CodeName},
		{"an odd name with brackets at the top", `{"[sudo]":1}`, refusal.CodeName},
		{"an odd name with a dot inside", `{"a":{"b.c":1}}`, refusal.CodeName},
		{"an odd name at the top that is declared", `{"ID":"x"}`, refusal.CodeNone},
		{"an ordinary name behind an odd one", `{"ID":"x","a":1,"b":{"c":1}}`, refusal.CodeNone},
		{"everything below an open container", `{"inputs":{"My.Key":1,"project_id":2,"token":{"x":[{"@":1}]},"":1}}`, refusal.CodeNone},
		{"a dot that looks like a declared member", `{"configuration.access_token":1}`, refusal.CodeName},
		{"after the open container", `{"inputs":{"a.b":1},"c":{"d.e":1}}`, refusal.CodeName},

		{"a target by id", `{"start_project":5}`, refusal.CodeNone},
		{"a target by path", `{"start_project":"g/p"}`, refusal.CodeNone},
		{"a target that is no integer", `{"start_project":5.0}`, refusal.CodeReference},
		{"a target with an exponent", `{"start_project":5e0}`, refusal.CodeReference},
		{"a target with a line end", `{"start_project":"5\n"}`, refusal.CodeReference},
		{"a target with a leading zero", `{"start_project":"05"}`, refusal.CodeReference},
		{"a target that is null", `{"start_project":null}`, refusal.CodeReference},
		{"a target that is true", `{"start_project":true}`, refusal.CodeReference},
		{"a target as an object", `{"start_project":{"id":5}}`, refusal.CodeShape},
		{"a target as an empty object", `{"start_project":{}}`, refusal.CodeShape},
		{"a target as a list", `{"start_project":[5]}`, refusal.CodeShape},
		{"a target as an empty list", `{"start_project":[]}`, refusal.CodeShape},
		{"a list of targets", `{"group_ids":[1,"g/h"]}`, refusal.CodeNone},
		{"an empty list of targets", `{"group_ids":[]}`, refusal.CodeNone},
		{"a list of targets with a bad one", `{"group_ids":[1,"2 "]}`, refusal.CodeReference},
		{"a list of targets as a value", `{"group_ids":1}`, refusal.CodeShape},
		{"a list of targets as objects", `{"group_ids":[{"id":1}]}`, refusal.CodeShape},
		{"targets in a list of objects", `{"entities":[{"target":1},{"target":"g"}]}`, refusal.CodeNone},
		{"targets in an object instead", `{"entities":{"target":1}}`, refusal.CodeShape},
		{"targets in a numbered object instead", `{"entities":{"0":{"target":1}}}`, refusal.CodeShape},

		{"the path's id", `{"id":1,"project_id":"1","issue_iid":5}`, refusal.CodeNone},
		{"another id than the path's", `{"id":2}`, refusal.CodePathDiffers},
		{"another number than the path's", `{"issue_iid":6}`, refusal.CodePathDiffers},
		{"the path's id as true", `{"id":true}`, refusal.CodePathDiffers},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(row, projectPath("1"))
			wantCode(t, s.JSON(reader(c.body)), c.want)
			s.Reset(row, projectPath("1"))
			wantCode(t, s.JSON(iotest.OneByteReader(reader(c.body))), c.want)
			s.Reset(row, projectPath("1"))
			wantCode(t, s.DraftJSON(reader(c.body)), c.want)
		})
	}
}

func TestJSONIsWrittenWithTheCheckedIDs(t *testing.T) {
	row := plainRow(nil)
	row.Targets = []routes.Target{
		{Param: "start_project", Ref: routes.RefProject}, {Param: "group_ids[]", Ref: routes.RefGroup},
		{Param: "namespace_path", Ref: routes.RefNamespace, SendPath: true},
	}
	body := `{ "z":1.50, "start_project":"g\/p", "group_ids":[3,"a\u0062"], "\u0061":"\u003c/\u00e9", "big":123456789012345678901234567890,
		"namespace_path":9, "id":77, "e":[], "o":{}, "n":null, "x":-0, "y":1E+2}`
	want := `{"z":1.50,"start_project":"10","group_ids":[11,"12"],"a":"</é","big":123456789012345678901234567890,` +
		`"namespace_path":"n/m","id":1,"e":[],"o":{},"n":null,"x":-0,"y":1E+2}` + "\n"
	s := newSet(row, projectPath("g/q"))
	wantCode(t, s.JSON(reader(body)), refusal.CodeNone)
	var names []string
	for _, v := range s.Targets {
		names = append(names, v.Name)
	}
	if want := []string{"start_project", "group_ids[]", "group_ids[]", "namespace_path"}; !reflect.DeepEqual(names, want) {
		t.Fatalf("targets are %v", names)
	}
	var out bytes.Buffer
	if err := s.WriteJSON(&out, reader(body)); !errors.Is(err, ErrUnresolved) {
		t.Fatalf("written before Resolve: %v", err)
	}
	wantCode(t, s.Resolve(1, texts("10", "11", "12", "n/m")), refusal.CodePathDiffers) // id 77 is not the path's
	s.Reset(row, projectPath("g/q"))
	body = strings.Replace(body, "77", "1", 1)
	wantCode(t, s.JSON(reader(body)), refusal.CodeNone)
	wantCode(t, s.Resolve(1, texts("10", "11", "12", "n/m")), refusal.CodeNone)
	if err := s.WriteJSON(&out, reader(body)); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("wrote\n%s want\n%s", out.String(), want)
	}
	t.Run("another body at the second reading", func(t *testing.T) {
		for _, changed := range []string{
			strings.Replace(body, `g\/p`, `g\/q`, 1), strings.Replace(body, `[3,`, `[3,4,`, 1), `{}`,
			strings.Replace(body, `"id":1`, `"id":2`, 1),
		} {
			if err := s.WriteJSON(io.Discard, reader(changed)); !errors.Is(err, ErrBodyChanged) {
				t.Errorf("%s: %v", changed, err)
			}
		}
	})
	t.Run("a repeated path as text is replaced too", func(t *testing.T) {
		s.Reset(row, projectPath("g/q"))
		wantCode(t, s.JSON(reader(`{"id":"g/q"}`)), refusal.CodeNone)
		wantCode(t, s.Resolve(1, nil), refusal.CodeNone)
		out.Reset()
		if err := s.WriteJSON(&out, reader(`{"id":"g/q"}`)); err != nil || out.String() != "{\"id\":\"1\"}\n" {
			t.Errorf("wrote %s, %v", out.String(), err)
		}
	})
}

// TestADraftIsWhatIsWritten: a body in memory is read once, and what is sent of it is what a second reading would write.
func TestADraftIsWhatIsWritten(t *testing.T) {
	row := plainRow(nil)
	row.Targets = []routes.Target{
		{Param: "start_project", Ref: routes.RefProject}, {Param: "group_ids[]", Ref: routes.RefGroup},
		{Param: "namespace_path", Ref: routes.RefNamespace, SendPath: true},
	}
	s := newSet(row, nil)
	for _, c := range []struct {
		name, path, body string
		id               int64
		with             [][]byte
		want             string
	}{
		{"no body", "g/q", "", 1, nil, ""},
		{"no value", "g/q", " { } ", 1, nil, "{}\n"},
		{"no gap", "g/q", `{"a" : [1, "\u0062"]}`, 1, nil, `{"a":[1,"b"]}` + "\n"},
		{"a number for a number", "g/q", `{"start_project":5,"z":0}`, 1, texts("10"), `{"start_project":10,"z":0}` + "\n"},
		{"a text for a text", "g/q", `{"start_project":"g\/p"}`, 1, texts("10"), `{"start_project":"10"}` + "\n"},
		{"a path for a number", "g/q", `{"namespace_path":9}`, 1, texts("n/m"), `{"namespace_path":"n/m"}` + "\n"},
		{"a list, and a repeat between", "g/q", `{"group_ids":[3,"a"],"id":"g/q","start_project":4}`, 7, texts("10", "11", "12"),
			`{"group_ids":[10,"11"],"id":"7","start_project":12}` + "\n"},
		{"a repeat that is sent as it came", "12", `{"id":12,"project_id":"12"}`, 0, nil, `{"id":12,"project_id":"12"}` + "\n"},
		{"a number that is no id", "1.5", `{"id":1.5}`, 0, nil, `{"id":1.5}` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.Reset(row, projectPath(c.path))
			wantCode(t, s.DraftJSON(reader(c.body)), refusal.CodeNone)
			if out, err := s.AppendJSON(nil); len(s.gaps) > 0 && (!errors.Is(err, ErrUnresolved) || len(out) > 0) {
				t.Fatalf("written before Resolve: %s, %v", out, err)
			}
			wantCode(t, s.Resolve(c.id, c.with), refusal.CodeNone)
			if out, err := s.AppendJSON([]byte("kept ")); err != nil || string(out) != "kept "+c.want {
				t.Errorf("drafted %s, %v", out, err)
			}
			var out bytes.Buffer
			if err := s.WriteJSON(&out, reader(c.body)); err != nil || out.String() != c.want {
				t.Errorf("wrote %s, %v", out.String(), err)
			}
		})
	}
	t.Run("nothing is left of it", func(t *testing.T) {
		for _, body := range []string{`{"title":"word"}`, `{"title":"word","title":1}`, `{"title":"word"`} {
			s.Reset(row, projectPath("1"))
			taken := s.DraftJSON(reader(body)) == nil
			draft := s.out.text
			if out, err := s.AppendJSON(nil); s.Drafted() != taken || (err == nil) != taken || taken == (len(out) == 0) {
				t.Errorf("%s: %s, %v", body, out, err)
			}
			s.Reset(row, projectPath("1"))
			if out, err := s.AppendJSON(nil); !errors.Is(err, ErrUnresolved) || s.Drafted() ||
				bytes.Contains(draft[:cap(draft)], []byte("word")) {
				t.Errorf("%s: %s, %v, and %q in memory", body, out, err, draft[:cap(draft)])
			}
		}
		wantCode(t, s.DraftJSON(reader(`{"a":"`+strings.Repeat("x", MaxDraft-8)+`"}`)), refusal.CodeNone)
		if n := cap(s.out.text); n > maxKeptBuffer {
			t.Errorf("the longest makes a draft of %d bytes", n)
		}
		s.Reset(row, projectPath("1"))
		wantCode(t, s.DraftJSON(reader(`{"a":"`+strings.Repeat("x", 2*maxKeptBuffer)+`"}`)), refusal.CodeNone)
		s.Reset(row, projectPath("1"))
		if n := cap(s.out.text); n > 0 {
			t.Errorf("%d bytes are kept", n)
		}
	})
}

func TestJSONLimits(t *testing.T) {
	list := func(n int) string { return `{"a":[` + strings.TrimSuffix(strings.Repeat("1,", n), ",") + `]}` }
	t.Run("values", func(t *testing.T) {
		wantCode(t, newSet(plainRow(nil), nil).JSON(reader(list(MaxValues-2))), refusal.CodeNone)
		wantCode(t, newSet(plainRow(nil), nil).JSON(reader(list(MaxValues-1))), refusal.CodeTooMany)
	})
	t.Run("values with a larger body limit", func(t *testing.T) {
		row := plainRow(nil)
		row.Body.Limit = 2 << 20
		wantCode(t, newSet(row, nil).JSON(reader(list(2*MaxValues-2))), refusal.CodeNone)
	})
	t.Run("targets", func(t *testing.T) {
		row := plainRow(nil)
		row.Targets = []routes.Target{{Param: "a[]", Ref: routes.RefGroup}}
		wantCode(t, newSet(row, nil).JSON(reader(list(MaxTargets))), refusal.CodeNone)
		wantCode(t, newSet(row, nil).JSON(reader(list(MaxTargets+1))), refusal.CodeTooMany)
	})
	t.Run("a source that fails is no refusal", func(t *testing.T) {
		err := newSet(plainRow(nil), nil).JSON(io.MultiReader(reader(`{"a":`), iotest.ErrReader(errors.New("gone"))))
		var r *refusal.Refusal
		if err == nil || errors.As(err, &r) || !strings.Contains(err.Error(), "gone") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a query with the same name", func(t *testing.T) {
		s := newSet(plainRow(nil), nil)
		wantCode(t, s.Query([]byte("a[b]=1")), refusal.CodeNone)
		wantCode(t, s.JSON(reader(`{"a":{"c":1}}`)), refusal.CodePlaces)
	})
	t.Run("a forced name", func(t *testing.T) {
		row := plainRow(nil)
		row.Force = []routes.Forced{{Name: "with_shared", Value: "false"}}
		wantCode(t, newSet(row, nil).JSON(reader(`{"with_shared":"false"}`)), refusal.CodeForced)
	})
	t.Run("a star covers everything but credentials", func(t *testing.T) {
		row := plainRow(map[string]routes.ParamRule{"*": routes.ParamPass})
		wantCode(t, newSet(row, nil).JSON(reader(`{"_id":"x","dist-tags":{"latest":"1.0"},"versions":{"1.0.0":{"user":{"token":1}}}}`)),
			refusal.CodeNone)
		wantCode(t, newSet(row, nil).JSON(reader(`{"private_token":"x"}`)), refusal.CodeReserved)
		wantCode(t, newSet(row, nil).JSON(reader(`{"token":"x"}`)), refusal.CodeReserved)
	})
}

// judgeNaively is the same judgement on a row without declarations, written as plainly as possible: it flattens the body
// with encoding/json and looks at one leaf after the other.
func judgeNaively(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	tok, err := dec.Token()
	if err == io.EOF {
		return len(body) == 0
	}
	if tok != json.Delim('{') {
		return false
	}
	ok := flattenNaively(dec, tok, nil, 1)
	_, err = dec.Token()
	return ok && err == io.EOF
}

func flattenNaively(dec *json.Decoder, tok json.Token, words []string, depth int) bool {
	if depth > MaxDepth {
		return false
	}
	switch tok {
	case json.Delim('{'):
		seen, empty := map[string]bool{}, true
		for {
			key, err := dec.Token()
			if err != nil {
				return false
			}
			if key == json.Delim('}') {
				return !empty || len(words) == 0 || leafNaively(words, "")
			}
			name := key.(string)
			if seen[name] || strings.ContainsRune(name, '\ufffd') {
				return false
			}
			seen[name], empty = true, false
			next, err := dec.Token()
			if err != nil {
				return false
			}
			if !flattenNaively(dec, next, append(words[:len(words):len(words)], name), depth+1) {
				return false
			}
		}
	case json.Delim('['):
		empty := true
		for {
			next, err := dec.Token()
			if err != nil {
				return false
			}
			if next == json.Delim(']') {
				return !empty || leafNaively(words, "")
			}
			empty = false
			if !flattenNaively(dec, next, words, depth+1) {
				return false
			}
		}
	}
	text, _ := tok.(string)
	return leafNaively(words, text)
}

func leafNaively(words []string, text string) bool {
	const grammar = "abcdefghijklmnopqrstuvwxyz0123456789_"
	if strings.ContainsAny(text, "\x00\ufffd") || refusal.HoldsToken([]byte(text)) {
		return false
	}
	for i, w := range words {
		allowed := grammar
		if i > 0 {
			allowed += "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"
		}
		if w == "" || len(w) > MaxName || strings.Trim(w, allowed) != "" || i == 0 && (w[0] < 'a' || w[0] > 'z') ||
			refusal.HoldsToken([]byte(w)) {
			return false
		}
		if Reserved(w) || IdentifierLike(w) {
			return false
		}
	}
	return true
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `{"a":1}`, `{"a":{"b":[1,2,{"c":null}]}}`, `{"\u0073udo":1}`, `{"a":1,"a":2}`, `{"start_project":"g/p"}`,
		`{"group_ids":[1,2]}`, `{"entities":[{"target":1}]}`, `{"id":1}`, `{"a":1e400,"b":-0.0}`, `{"a":"\ud83d\ude00"}`,
		`{"inputs":{"x.y":1}}`,
		"{\"a\":\"\xff\"}", `{"a":"patgate_01234567890123456789"}`, strings.Repeat(`{"a":`, 40), `{"a":/*x*/1}`, "\ufeff{}", `{"a":"�"}`,
	} {
		f.Add([]byte(seed))
	}
	row := plainRow(map[string]routes.ParamRule{"inputs.*": routes.ParamPass})
	row.Targets = []routes.Target{
		{Param: "start_project", Ref: routes.RefProject}, {Param: "group_ids[]", Ref: routes.RefGroup},
		{Param: "entities[].target", Ref: routes.RefGroup},
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// encoding/json writes U+FFFD for what is not UTF-8, so that it cannot tell the two apart.
		replaced := bytes.Contains(body, []byte("\ufffd")) || bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`))
		if !replaced && len(body) < MaxValues {
			got := newSet(plainRow(nil), nil).JSON(bytes.NewReader(body)) == nil
			if want := judgeNaively(body); got != want {
				t.Fatalf("%q: read %v, naively %v", body, got, want)
			}
		}
		s, drafted := newSet(row, projectPath("1")), newSet(row, projectPath("1"))
		if got, want := drafted.DraftJSON(bytes.NewReader(body)), s.JSON(bytes.NewReader(body)); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q: drafted %v, read %v", body, got, want)
		} else if want != nil {
			return
		}
		var with [][]byte
		for i := range s.Targets {
			with = append(with, strconv.AppendInt(nil, int64(1000+i), 10))
		}
		if err := s.Resolve(1, with); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := s.WriteJSON(&out, bytes.NewReader(body)); err != nil {
			t.Fatalf("written as it was read: %v", err)
		}
		if len(s.Targets)+len(s.repeats) == 0 && out.Len() > 0 {
			var want bytes.Buffer
			if err := jsontext.NewEncoder(&want).WriteValue(jsontext.Value(body)); err != nil || !bytes.Equal(out.Bytes(), want.Bytes()) {
				t.Fatalf("written %q, by the library %q (%v)", out.Bytes(), want.Bytes(), err)
			}
		}
		if err := drafted.Resolve(1, with); err != nil {
			t.Fatal(err)
		}
		if draft, err := drafted.AppendJSON(nil); err != nil || !bytes.Equal(draft, out.Bytes()) {
			t.Fatalf("drafted %q (%v), written %q", draft, err, out.Bytes())
		}
		again := newSet(row, projectPath("1"))
		if err := again.JSON(bytes.NewReader(out.Bytes())); err != nil {
			t.Fatalf("%s: read again: %v", out.Bytes(), err)
		}
		if len(again.Targets) != len(s.Targets) || again.Undeclared != s.Undeclared {
			t.Fatalf("%s: another set when read again", out.Bytes())
		}
		for i, v := range again.Targets {
			if v.Ref.ID != int64(1000+i) || v.Name != s.Targets[i].Name {
				t.Fatalf("target %d is %+v", i, v)
			}
		}
		if len(s.Targets) == 0 && len(body) > 0 && !bytes.Contains(body, []byte(`id"`)) && !bytes.Contains(body, []byte(`\u`)) {
			var before, after any
			if err := unmarshal(body, &before); err != nil {
				t.Fatalf("encoding/json does not read what was read: %v", err)
			}
			if err := unmarshal(out.Bytes(), &after); err != nil || !reflect.DeepEqual(before, after) {
				t.Fatalf("%s became %s (%v)", body, out.Bytes(), err)
			}
		}
	})
}

func unmarshal(body []byte, to *any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return dec.Decode(to)
}

// TestADraftAllocatesNothing: loops serve short bodies, and nothing that they do for one may be left to collect.
func TestADraftAllocatesNothing(t *testing.T) {
	row := plainRow(nil)
	row.Targets = []routes.Target{{Param: "start_project", Ref: routes.RefProject}}
	s, path, with := newSet(row, nil), projectPath("1"), texts("10")
	body := []byte(`{"title":"A change","description":"` + strings.Repeat("word ", 200) + `","start_project":5,"labels":["a","b"]}`)
	var src bytes.Reader
	var out []byte
	if allocs := testing.AllocsPerRun(200, func() {
		s.Reset(row, path)
		src.Reset(body)
		if err := errors.Join(s.DraftJSON(&src), s.Complete(), s.Resolve(1, with)); err != nil {
			t.Fatal(err)
		}
		var err error
		if out, err = s.AppendJSON(out[:0]); err != nil || len(out) < 1000 {
			t.Fatal(len(out), err)
		}
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
