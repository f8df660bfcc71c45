package tokencmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"

	"patgate/admin/terms"
)

// parseGrant reads a file for --grant: a list of scopes, or a map with the key scopes or granular_scopes that holds one.
func parseGrant(data []byte) ([]terms.Scope, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var file any
	if err := decoder.Decode(&file); errors.Is(err, io.EOF) || err == nil && file == nil {
		return nil, errors.New("the file is empty: write a list of scopes, each with access and permissions")
	} else if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has more than one document")
	}
	if whole, ok := file.(map[string]any); ok {
		for name, list := range whole {
			if len(whole) > 1 || name != "scopes" && name != "granular_scopes" {
				return nil, fmt.Errorf("%q is not known at the top level: write a list of scopes, or one below the key "+
					"scopes or granular_scopes",
					name)
			}
			file = list
		}
	}
	problems := &terms.Invalid{}
	scopes := problems.ReadScopes("scopes", file)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	if len(scopes) == 0 {
		return nil, errors.New("the file has no scope")
	}
	return scopes, nil
}
