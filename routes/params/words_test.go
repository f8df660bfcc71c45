package params

import (
	"patgate/routes/params/names"
	"testing"
)

// IdentifierLike tells whether one component of a name is refused unless it is declared.
func IdentifierLike(name string) bool {
	for rest := []byte(name); len(rest) > 0; {
		var word []byte
		if word, rest = names.NextWord(rest); names.IdentifierWord(word) {
			return true
		}
	}
	return false
}

// Reserved tells whether one component of a name is reserved: a credential, an impersonation, a method.
func Reserved(name string) bool {
	for rest := []byte(name); len(rest) > 0; {
		var word []byte
		if word, rest = names.NextWord(rest); names.Reserve(word) != names.NotReserved {
			return true
		}
	}
	return false
}

func TestIdentifierLike(t *testing.T) {
	for _, name := range []string{
		"id", "ids", "iid", "iids[]", "project_id", "to_project_id", "path", "file_path", "namespace", "target_namespace",
		"project", "group", "user", "owner", "url", "import_url", "redirect_uri", "key_id", "page_id", "api_token",
		"entities[].destination_namespace", "not.author_id", "projectId", "toProjectID", "IDs", "project-id", "groups[].name",
		"skip_groups", "a.b.c_id", "organization_id",
	} {
		t.Run("caught "+name, func(t *testing.T) {
			if !IdentifierLike(name) {
				t.Error("passed")
			}
		})
	}
	for _, name := range []string{
		"search", "order_by", "state", "sort", "page", "per_page", "ref", "name", "title", "description", "cursor",
		"pagination", "id_after", "id_before", "owned", "membership", "page_token", "paid", "valid", "uuid", "grid",
		"labels", "scope", "status", "sha", "username", "author_username", "visibility", "with_custom_attributes", "",
	} {
		t.Run("left alone "+name, func(t *testing.T) {
			if IdentifierLike(name) {
				t.Error("caught")
			}
		})
	}
}

func TestReserved(t *testing.T) {
	for _, name := range []string{"private_token", "sudo", "_method", "a.sudo", "a[].access_token", "token", "format", "go-get"} {
		if !Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"page_token", "method", "json", "formats", "a.tokens"} {
		if Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}
