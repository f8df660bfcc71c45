package forgetest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestWherePackagesLookForTheCredential: each family reads it in GitLab's places, and in no other.
func TestWherePackagesLookForTheCredential(t *testing.T) {
	f := New(Options{})
	ada, bob := f.AddUser("ada"), f.AddUser("bob")
	group := f.AddGroup("tools", Private)
	f.AddGroupMember(group, ada, Maintainer)
	project := f.AddProject("tools/app", Private)
	token, others := f.AddToken(ada, Token{}), f.AddToken(bob, Token{})
	server := httptest.NewServer(f)
	defer server.Close()
	basic := func(user, secret string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))}}
	}
	places := map[string]http.Header{
		"PRIVATE-TOKEN": {"Private-Token": {token}}, "bearer": {"Authorization": {"Bearer " + token}}, "raw": {"Authorization": {token}},
		"key": {"X-Nuget-Apikey": {token}}, "basic": basic("ADA", token), "basic of another name": basic("ci", token), "nothing": {}, "bob": basic("bob", others),
		"key and basic": {"X-Nuget-Apikey": {token}, "Authorization": basic("ada", token)["Authorization"]},
	}
	for _, family := range []struct{ method, path, reads string }{
		{"GET", "npm/none", "PRIVATE-TOKEN,bearer"},
		{"GET", "maven/a/b", "PRIVATE-TOKEN,bearer,basic,basic of another name"},
		{"GET", "pypi/simple/none", "PRIVATE-TOKEN,bearer,basic,basic of another name"},
		{"GET", "nuget/metadata/none/index.json", "basic"},
		{"DELETE", "nuget/none/1.0", "basic,key"},
		{"GET", "helm/stable/charts/none.tgz", "basic,basic of another name"},
		{"GET", "rubygems/specs.4.8.gz", "basic,basic of another name,raw"},
		{"GET", "cargo/no/ne/none", "bearer"},
		{"GET", "debian/dists/none/Release", "basic"},
		{"GET", "rpm/1/none.rpm", "basic"},
		{"GET", "terraform/modules/a/b/1.0.0", "basic"},
		{"PUT", "terraform/modules/a/b/1.0.0/file", "PRIVATE-TOKEN"},
	} {
		for name, header := range places {
			want := http.StatusUnauthorized
			switch {
			case name == "key and basic" && family.method == "DELETE":
				want = http.StatusBadRequest
			case name == "key and basic" && strings.Contains(family.reads, "basic"):
				want = http.StatusNotFound // the key is not seen there
			case name == "bob" && strings.Contains(family.reads, "basic"):
				want = http.StatusNotFound
			case strings.Contains(","+family.reads+",", ","+name+","):
				want = map[string]int{"GET": http.StatusNotFound, "DELETE": http.StatusNotFound, "PUT": http.StatusCreated}[family.method]
			}
			r, _ := http.NewRequest(family.method, fmt.Sprintf("%s/api/v4/projects/%d/packages/%s", server.URL, project, family.path), strings.NewReader(""))
			r.Header = header.Clone()
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s %s with %s: %d, want %d", family.method, family.path, name, response.StatusCode, want)
			}
		}
	}
}
