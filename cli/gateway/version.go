package gateway

import (
	_ "embed"
	"runtime/debug"
	"strings"
)

// version and commit are set where a build knows them and the Go tool does not:
// go build -ldflags "-X patgate/cli/gateway.version=v1.2.3 -X patgate/cli/gateway.commit=...".
var version, commit string

// archived is the commit of a source archive that git made; in a checkout it is a placeholder (.gitattributes).
//
//go:embed commit.txt
var archived string

// unreleased is the version of builds between two releases.
const unreleased = "0.1.0-dev"

// Version gives the version that the build was given, or that the Go tool recorded; 0.1.0-dev for neither.
func Version() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return unreleased
	}
	return info.Main.Version
}

// Commit gives the commit that the build was given, that the Go tool recorded, or that the source archive was made from;
// "unknown" without these. It ends in "+changes" when files were changed since.
func Commit() string {
	if commit != "" {
		return commit
	}
	recorded, changed := "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				recorded = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "+changes"
			}
		}
	}
	if recorded != "" {
		return recorded + changed
	}
	if text := strings.TrimSpace(archived); !strings.HasPrefix(text, "$") {
		return text
	}
	return "unknown"
}
