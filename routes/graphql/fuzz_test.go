package graphql_test

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"testing"

	"patgate/routes/graphql"
)

// FuzzRead: whatever a body holds, it is read or refused; what is sent is read as the same acts, and is sent once more as it is.
func FuzzRead(f *testing.F) {
	for _, a := range attacks() {
		f.Add(a.request(f))
	}
	f.Add([]byte(`{"query":"query($A:A){workItem(){id}}"}`))
	table := loadTable(f)
	reader, s := newReader(f, table), newFacts(f, table)
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := graphql.ParseRequest(body)
		if err != nil {
			mustRefuse(t, err)
			return
		}
		d, err := reader.Read(q)
		if err != nil {
			mustRefuse(t, err)
			return
		}
		again, err := graphql.ParseRequest(d.Body)
		if err != nil {
			t.Fatalf("what is sent is no request: %v\n%s", err, d.Body)
		}
		sent, err := reader.Read(again)
		if err != nil {
			t.Fatalf("what is sent is refused: %v\n%s", err, d.Body)
		}
		if !slices.Equal(actsOf(sent), actsOf(d)) || !slices.EqualFunc(sent.Texts, d.Texts, sameText) || sent.Mutates != d.Mutates ||
			sent.Introspects != d.Introspects {
			t.Fatalf("%s\nis sent as %s\nacts %q\nbut %q", body, d.Body, actsOf(d), actsOf(sent))
		}
		if !bytes.Equal(sent.Body, d.Body) {
			t.Fatalf("%s\nis sent as %s\nand that as %s", body, d.Body, sent.Body)
		}
		if !d.Introspects && !slices.ContainsFunc(d.Acts, func(a graphql.Act) bool { return a.Reference.Variable != "" }) {
			if was, is := evaluate(t, s, body), evaluate(t, s, d.Body); !maps.Equal(was, is) || len(missed(is, d.Acts)) > 0 {
				t.Fatalf("%s\nis sent as %s\nmissed: %q", body, d.Body, missed(is, d.Acts))
			}
		}
	})
}

func sameText(a, b graphql.Text) bool { return reflect.DeepEqual(a, b) }

func mustRefuse(t *testing.T, err error) {
	t.Helper()
	if r, is := err.(*graphql.Refusal); !is || r.Code == "" || r.Message == "" {
		t.Fatalf("the error is %#v, and no refusal", err)
	}
}
