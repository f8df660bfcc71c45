package sockets

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"patgate/config"
)

// passed gives a file of a listener under a name, as the service manager passes it.
func passed(t *testing.T, network, address, name string) *os.File {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := l.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, err := syscall.Dup(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), name)
}

func TestSocketsThatArePassed(t *testing.T) {
	tcp := func(name string) *os.File { return passed(t, "tcp", "127.0.0.1:0", name) }
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		files []*os.File
		want  string // names, or a part of the error
	}{
		{"none", nil, ""},
		{"one of the unit's name", []*os.File{tcp("patgate.socket")}, "listen"},
		{"one without a name", []*os.File{tcp("LISTEN_FD_3")}, "listen"},
		{"one for operators", []*os.File{tcp("admin.listen")}, "admin.listen"},
		{"all", []*os.File{tcp("console.listen"), tcp("listen"), tcp("admin.listen")}, "listen admin.listen console.listen"},
		{"two without names", []*os.File{tcp("LISTEN_FD_3"), tcp("LISTEN_FD_4")}, "systemd passes a socket named LISTEN_FD_3"},
		{"two of one name", []*os.File{tcp("listen"), tcp("listen")}, "two sockets named listen"},
		{"a Unix socket", []*os.File{passed(t, "unix", t.TempDir()+"/s", "listen")}, "listen"},
		{"no socket", []*os.File{plain}, "cannot be listened on"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := takePassed(c.files)
			var names []string
			for _, name := range []string{ClientsKey, OperatorsKey, PeopleKey} {
				if l := all[name]; l != nil {
					names = append(names, name)
					_ = l.Close()
				}
			}
			switch {
			case err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)):
				t.Error(err)
			case err == nil && strings.Join(names, " ") != c.want:
				t.Errorf("%q, want %q", names, c.want)
			}
		})
	}
}

// TestAPortIsShared: only where the configuration says so.
func TestAPortIsShared(t *testing.T) {
	c := config.Default()
	c.Listen, c.Admin.Listen, c.Console.Listen, c.ReusePort = "127.0.0.1:0", "off", config.ConsoleOff, true
	first, err := Open(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	c.Listen = first.Clients.Addr().String()
	second, err := Open(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
	c.ReusePort = false
	if s, err := Open(t.Context(), &c); err == nil || !strings.Contains(err.Error(), "is in use") {
		if err == nil {
			s.Close()
		}
		t.Errorf("the same port without sharing: %v", err)
	}
}
