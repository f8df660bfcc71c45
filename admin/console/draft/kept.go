package draft

import "net/url"

// Kept gives what of a form is kept for later: what was typed, and never a credential.
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
