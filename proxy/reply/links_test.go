package reply

import "testing"

// TestDestinations reads Location headers: what could lead elsewhere for some client leads nowhere.
func TestDestinations(t *testing.T) {
	l := NewLinks("https://p", "https://gitlab.internal:8443", "http://git.corp")
	for value, want := range map[string]Destination{
		"":                                 LeadsHere,
		"/api/v4/projects/7":               LeadsHere,
		"projects/7":                       LeadsHere,
		"?page=2":                          LeadsHere,
		"#x":                               LeadsHere,
		"a/b:c":                            LeadsHere,
		"https://gitlab.internal:8443/x":   LeadsHere,
		"//git.corp/x":                     LeadsHere,
		"HTTP://GIT.CORP":                  LeadsHere,
		"https://p/v2/x":                   LeadsHere, // made of X-Forwarded-Host
		"http://P:443/v2/x":                LeadsHere,
		"https://p.evil/x":                 LeadsAway,
		"https://p@evil.example/":          LeadsNowhere,
		"https://storage.example/x?sig=1":  LeadsAway,
		"http://storage.example:9000/x":    LeadsAway,
		"https://git.corp.evil/x":          LeadsAway,
		"https://[2001:db8::1]/x":          LeadsAway,
		"//storage.example/x":              LeadsNowhere,
		"/\\storage.example/x":             LeadsNowhere,
		"\\\\storage.example/x":            LeadsNowhere,
		"/\t/storage.example/x":            LeadsNowhere,
		"https://git.corp\\@evil.example/": LeadsNowhere,
		"https://git.corp@evil.example/":   LeadsNowhere,
		"https://user:secret@git.corp/":    LeadsNowhere,
		"https:///evil.example/":           LeadsNowhere,
		"https:evil.example":               LeadsNowhere,
		"https:/evil.example":              LeadsNowhere,
		"javascript:alert(1)":              LeadsNowhere,
		"ftp://storage.example/x":          LeadsNowhere,
		" https://storage.example/x":       LeadsNowhere,
		"https://storage.example /x":       LeadsNowhere,
		"https://storage.example%2Fx":      LeadsNowhere,
	} {
		t.Run(value, func(t *testing.T) {
			if got := l.Destination([]byte(value)); got != want {
				t.Errorf("%d, want %d", got, want)
			}
		})
	}
}

// TestLinks rewrites addresses: those of the forge, and no others.
func TestLinks(t *testing.T) {
	l := NewLinks("https://p", "https://gitlab.internal:8443", "http://git.corp")
	cases := []struct{ in, want string }{
		{"https://gitlab.internal:8443/x", "https://p/x"},
		{"http://GITLAB.internal:8443/x", "https://p/x"},
		{"//gitlab.internal:8443/x", "https://p/x"},
		{"http://git.corp", "https://p"},
		{"http://git.corp:80?x", "https://p?x"},
		{"https://git.corp#x", "https://p#x"},
		{"http://p:443/x", "https://p/x"},
		{"/relative", "/relative"},
		{"http://git.corp.evil/x", "http://git.corp.evil/x"},
		{"http://git.corp@evil/x", "http://git.corp@evil/x"},
		{"http://git.corp:81/x", "http://git.corp:81/x"},
		{"https://gitlab.internal/x", "https://gitlab.internal/x"},
		{"", ""},
	}
	for _, c := range cases {
		t.Run(c.in, func(t *testing.T) {
			if got := string(l.AppendLocation(nil, []byte(c.in), nil)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}
