package issuer

import "testing"

// TestAddresses: what looks like another address, or runs into what stands behind it, is none.
func TestAddresses(t *testing.T) {
	for url, want := range map[string]bool{
		"https://ci.example.com":                       true,
		"https://ci.example.com/":                      true,
		"https://ci.example.com/id/ABC":                true,
		"https://ci.example.com:443":                   true,
		"http://127.0.0.1:8080":                        true,
		"http://ci.example.com":                        false,
		"HTTPS://ci.example.com":                       false,
		"https://CI.example.com":                       false,
		"https://c\u0456.example.com":                  false,
		"https://ci.example.com/\u202egro":             false,
		"https://%E2%80%AEci.example.com":              false,
		"https://ci.example.com#":                      false,
		"https://ci.example.com?":                      false,
		"https://ci.example.com/k ca_file /etc/ca.pem": false,
		"https://ci.example.com/k\tca_file":            false,
	} {
		i := Issuer{Name: "ci", Kind: "generic", URL: url}
		if got := i.Check() == nil; got != want {
			t.Errorf("%q: %t", url, got)
		}
		if i = (Issuer{Name: "ci", Kind: "generic", URL: "https://a.test", JWKSURL: url}); (i.Check() == nil) != want {
			t.Errorf("keys at %q: %v", url, i.Check())
		}
	}
}

// TestNeighbours: of two addresses that lead to the same one, it is not clear which is meant.
func TestNeighbours(t *testing.T) {
	a := Issuer{Name: "a", URL: "https://ci.example.com/x"}
	for url, want := range map[string]bool{
		"https://ci.example.com/x":      true,
		"https://ci.example.com/x/":     true,
		"https://ci.example.com:443/x":  true,
		"https://ci.example.com./x":     true,
		"https://ci.example.com/%78":    true,
		"https://ci.example.com:8443/x": false,
		"https://ci.example.com/X":      false,
		"https://ci.example.com":        false,
	} {
		if b := (Issuer{Name: "b", URL: url}); a.Clashes(&b) != want || b.Clashes(&a) != want {
			t.Errorf("%q: want %t", url, want)
		}
	}
}
