package draft

import "net/url"

// Kept gives the part of a form that is kept for later: the typed fields, and never a credential.
func Kept(form url.Values) string {
	kept := url.Values{}
	for name, values := range form {
		switch name {
		case "credential", "csrf", "form", "do":
		default:
			kept[name] = values
		}
	}
	return kept.Encode()
}
