package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// Load reads the file that is named, if one is, and parses it with the environment and the flags. in.Data is not looked at.
func Load(in Input) (Config, []Problem) {
	if in.File == "" {
		return Parse(in)
	}
	data, err := os.ReadFile(in.File)
	if err != nil {
		problem := Problem{
			Source:  Source{File: in.File},
			Message: fmt.Sprintf("cannot be read: %v", errors.Unwrap(err)),
			Fix:     "check the path and its permissions",
		}
		if errors.Is(err, fs.ErrNotExist) {
			problem.Message, problem.Fix = "does not exist", "check the path; `patgate config example` prints a file to "+
				"start from"
		}
		return Config{}, []Problem{problem}
	}
	in.Data = data
	return Parse(in)
}

// Environ makes a map of what os.Environ gives.
func Environ(environ []string) map[string]string {
	env := make(map[string]string, len(environ))
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		env[name] = value
	}
	return env
}
