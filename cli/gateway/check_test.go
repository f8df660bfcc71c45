package gateway

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"patgate/cli/gateway/logs"
	"patgate/config"
)

// numbers gives the keys below a section of the configuration whose values are numbers, sizes or durations.
func numbers(t reflect.Type, prefix string) (durations, counts []string) {
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("yaml")
		switch {
		case f.Type == reflect.TypeFor[config.Duration]():
			durations = append(durations, key)
		case f.Type.Kind() == reflect.Int || f.Type == reflect.TypeFor[config.Size]():
			counts = append(counts, key)
		case f.Type.Kind() == reflect.Struct:
			d, c := numbers(f.Type, key+".")
			durations, counts = append(durations, d...), append(counts, c...)
		}
	}
	return durations, counts
}

// loaded reads a configuration with these values of keys, for a GitLab that nobody asks.
func loaded(t *testing.T, values map[string]string) (*config.Config, []config.Problem) {
	t.Helper()
	in := config.Input{Env: map[string]string{}}
	all := map[string]string{"upstream.url": "https://gitlab.invalid", "forge": "gitlab", "data_dir": t.TempDir()}
	for key, value := range values {
		all[key] = value
	}
	for key, value := range all {
		in.Flags = append(in.Flags, config.Flag{Name: key, Key: key, Value: value})
	}
	c, problems := config.Load(in)
	return &c, problems
}

// What is wrong with a value is said with its place and the fix, when the configuration is read: none that was taken then is
// refused, or panics, when the parts are made.
func TestEveryNumberThatIsTakenCanBeServedWith(t *testing.T) {
	if testing.Short() {
		t.Skip("it checks some 300 configurations, each with its table")
	}
	durations, counts := numbers(reflect.TypeFor[config.Config](), "")
	if len(durations) < 20 || len(counts) < 10 {
		t.Fatalf("%d durations and %d counts were found", len(durations), len(counts))
	}
	tried, taken := 0, 0
	try := func(values map[string]string) {
		tried++
		c, problems := loaded(t, values)
		if len(problems) > 0 {
			return
		}
		taken++
		if err := Check(t.Context(), c); err != nil {
			t.Errorf("%v was taken, and cannot be served with: %v", values, err)
		}
	}
	for _, key := range durations {
		for _, value := range []string{"0s", "1ns", "1s", "60000d"} {
			try(map[string]string{key: value})
		}
	}
	for _, key := range counts {
		for _, value := range []string{"0", "1", "2147483647", "9223372036854775807"} {
			try(map[string]string{key: value})
		}
	}
	for _, reads := range []string{"0s", "1ns", "1s", "10s", "1d"} {
		for _, writes := range []string{"0s", "1ns", "1s"} {
			for _, absent := range []string{"0s", "1ns", "5s", "1d"} {
				try(map[string]string{
					"resolver.fresh_for_reads": reads, "resolver.fresh_for_writes": writes, "resolver.not_found_ttl": absent,
				})
			}
		}
	}
	t.Logf("%d of %d were taken", taken, tried)
	if taken < 40 || taken == tried {
		t.Errorf("%d of %d were taken", taken, tried)
	}
}

// silent gives logs that nobody reads.
func silent(t *testing.T) *logs.Logs {
	t.Helper()
	l, err := logs.Open(config.Log{}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// What Serve refuses for the configuration and the files that it names, Check refuses in the same words.
func TestCheckFindsWhatServeRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	text := file("text", "no certificate", 0o600)
	key := strings.Repeat("0a", 32)
	for name, tc := range map[string]struct {
		values map[string]string
		want   string // empty: it is good
	}{
		"nothing wrong":                    {nil, ""},
		"a certificate that is not there":  {map[string]string{"tls.cert_file": "gone", "tls.key_file": "gone"}, "gone"},
		"a certificate that is none":       {map[string]string{"tls.cert_file": text, "tls.key_file": text}, "certificate"},
		"authorities that are none":        {map[string]string{"upstream.ca_file": text}, "no certificate in the file"},
		"the registry's authorities":       {map[string]string{"registry.url": "https://r.invalid", "registry.ca_file": text}, "no certificate"},
		"a certificate that is shown":      {map[string]string{"upstream.client_certificate": text, "upstream.client_key": text}, "certificate"},
		"an overlay that is not there":     {map[string]string{"routes.overlays": filepath.Join(dir, "none.yaml")}, "none.yaml"},
		"an overlay with a fault":          {map[string]string{"routes.overlays": file("o.yaml", "resources: 7\n", 0o600)}, "o.yaml"},
		"a key that is none":               {map[string]string{"store.key": "abc"}, "32 bytes"},
		"a good key":                       {map[string]string{"store.key": key}, ""},
		"a key file that others may read":  {map[string]string{"store.key_file": file("open.key", key, 0o644)}, "chmod 600"},
		"a key file without a key":         {map[string]string{"store.key_file": file("empty.key", "", 0o600)}, "holds no key"},
		"a key file below the database":    {map[string]string{"store.database": dir + "/db/p.db", "store.key_file": dir + "/db/k/p.key"}, "database's directory"},
		"keys of a leak report, not there": {map[string]string{"leak_reports.github_keys_url": "https://[::1"}, "address"},
	} {
		t.Run(name, func(t *testing.T) {
			c, problems := loaded(t, tc.values)
			if len(problems) > 0 {
				if tc.want == "" || !strings.Contains(problems[0].Error(), tc.want) {
					t.Fatalf("it was not taken: %v", problems)
				}
				return
			}
			before, _ := filepath.Glob(filepath.Join(c.DataDir, "*"))
			found := Check(t.Context(), c)
			if after, _ := filepath.Glob(filepath.Join(c.DataDir, "*")); len(after) != len(before) {
				t.Errorf("Check left %v", after)
			}
			g, refused := newGateway(t.Context(), c, silent(t), true)
			if refused == nil {
				_ = g.open.close()
			}
			switch {
			case tc.want == "" && (found != nil || refused != nil):
				t.Errorf("Check: %v, Serve: %v", found, refused)
			case tc.want != "" && (found == nil || refused == nil || found.Error() != refused.Error()):
				t.Errorf("Check: %v\nServe: %v", found, refused)
			case tc.want != "" && !strings.Contains(found.Error(), tc.want):
				t.Errorf("Check: %v; want %q", found, tc.want)
			}
		})
	}
}

// A check asks no database, and above all makes nothing in one.
func TestCheckAsksNoDatabase(t *testing.T) {
	asked := make(chan struct{}, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			select {
			case asked <- struct{}{}:
			default:
			}
		}
	}()
	url := "postgres://patgate:secret@" + l.Addr().String() + "/patgate?sslmode=disable"
	for _, values := range []map[string]string{
		{"store.url": url},
		{"store.url": url, "store.key": strings.Repeat("ab", 32)},
	} {
		c, problems := loaded(t, values)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := Check(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
	select {
	case <-asked:
		t.Error("the database was connected to")
	default:
	}
}
