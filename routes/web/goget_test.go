package web

import (
	"slices"
	"strings"
	"testing"
)

func TestProjectsOfAnImportPath(t *testing.T) {
	deep := strings.Repeat("/a", 30)[1:]
	for _, c := range []struct {
		target string
		named  bool
		want   []string
	}{
		{"/acme/website?go-get=1", false, []string{"acme/website"}},
		{"/acme/website/?go-get=1", false, []string{"acme/website"}},
		{"/acme/team/website/pkg/v2?go-get=1", false, []string{"acme/team/website/pkg/v2", "acme/team/website/pkg", "acme/team/website",
			"acme/team"}},
		{"/acme/website/pkg?go-get=1", true, []string{"acme/website"}},
		{"/acme?go-get=1", false, nil},
		{"/?go-get=1", false, nil},
		{"/acme/../website?go-get=1", false, nil},
		{"/acme%2Fwebsite?go-get=1", false, nil},
		{"/acme//website?go-get=1", false, nil},
		{"/12/34?go-get=1", false, []string{"12/34"}},
	} {
		t.Run(c.target, func(t *testing.T) {
			if !IsGoGet("GET", []byte(c.target)) {
				t.Fatal("it is not taken for the Go command's")
			}
			if got := GoGetProjects([]byte(c.target), c.named); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if n := len(GoGetProjects([]byte("/"+deep+"?go-get=1"), false)); n != maxGoGetSegments-1 {
		t.Errorf("%d projects of a deep path", n)
	}
	for _, other := range []string{"/acme/website", "/acme/website?go-get=2", "/acme/website?go-get=1&x=1", "/acme/website?x?go-get=1"} {
		if IsGoGet("GET", []byte(other)) {
			t.Errorf("%s is taken for the Go command's", other)
		}
	}
	if IsGoGet("POST", []byte("/acme/website?go-get=1")) {
		t.Error("a POST is taken for the Go command's")
	}
}
