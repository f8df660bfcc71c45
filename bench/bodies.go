//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"patgate/bench/report"
)

// bodyServer is an upstream for long bodies. It answers what patgate asks about projects as the other upstream does.
func bodyServer(length int64) (address string, stop func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{r.Body}, make([]byte, 256<<10))
			if err != nil || n != length {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusCreated)
		case strings.HasSuffix(r.URL.Path, "/artifacts"):
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
			buf := make([]byte, 256<<10)
			for left := length; left > 0; {
				n, err := w.Write(buf[:min(left, int64(len(buf)))])
				if err != nil {
					return
				}
				left -= int64(n)
			}
		case r.URL.Path == "/api/v4/user":
			fmt.Fprint(w, ownerAnswer)
		case r.URL.Path == "/api/v4/personal_access_tokens/self":
			fmt.Fprint(w, credentialAnswer)
		default:
			fmt.Fprint(w, `{"id":1,"path_with_namespace":"group/project-1","visibility":"private",`+
				`"namespace":{"id":7,"kind":"group","full_path":"group","parent_id":null},`+
				`"permissions":{"project_access":{"access_level":40},"group_access":null}}`)
		}
	})}
	go func() { _ = server.Serve(ln) }()
	return ln.Addr().String(), func() { _ = server.Close() }, nil
}

// upload sends a body, download receives one; each is measured from the first byte to the last.
func (s *stage) upload(ctx context.Context, v *service, secret string, length int64) (report.BodySample, error) {
	head := fmt.Sprintf("PUT /api/v4/projects/group%%2Fproject-1/packages/generic/big/1.0/file.bin HTTP/1.1\r\nHost: "+
		"%s\r\nPrivate-Token: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: "+
		"%d\r\n\r\n", v.address, secret, length)
	return s.body(ctx, v, length, func(c net.Conn) error {
		if _, err := io.WriteString(c, head); err != nil {
			return err
		}
		buf := make([]byte, 256<<10)
		for left := length; left > 0; {
			n, err := c.Write(buf[:min(left, int64(len(buf)))])
			if err != nil {
				return err
			}
			left -= int64(n)
		}
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && response.StatusCode != http.StatusCreated {
			err = fmt.Errorf("the answer is %s", response.Status)
		}
		return err
	})
}

func (s *stage) download(ctx context.Context, v *service, secret string, length int64) (report.BodySample, error) {
	head := fmt.Sprintf("GET /api/v4/projects/group%%2Fproject-1/jobs/1/artifacts HTTP/1.1\r\nHost: %s\r\nPrivate-Token: "+
		"%s\r\n\r\n",
		v.address, secret)
	return s.body(ctx, v, length, func(c net.Conn) error {
		if _, err := io.WriteString(c, head); err != nil {
			return err
		}
		in := bufio.NewReader(c)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK || response.ContentLength != length {
			return fmt.Errorf("the answer is %s with %d bytes", response.Status, response.ContentLength)
		}
		n, buf := int64(in.Buffered()), make([]byte, 256<<10)
		for n < length {
			m, err := c.Read(buf)
			if err != nil {
				return err
			}
			n += int64(m)
		}
		return nil
	})
}

// body runs an exchange and watches the service's memory meanwhile.
func (s *stage) body(ctx context.Context, v *service, length int64, exchange func(net.Conn) error) (report.BodySample, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", v.address)
	if err != nil {
		return report.BodySample{}, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	before, cpu := v.rss(), v.cpu()
	var most atomic.Int64
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			most.Store(max(most.Load(), v.rss()))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	start := time.Now()
	err = exchange(c)
	took := time.Since(start)
	close(done)
	<-watched
	if err != nil {
		return report.BodySample{}, fmt.Errorf("%s: %w; it said: %s", v.name, err, s.tail(v.name))
	}
	return report.BodySample{
		MiBPerSecond: float64(length) / (1 << 20) / took.Seconds(), Growth: max(0, most.Load()-before),
		CPU: (v.cpu() - cpu).Seconds() * float64(1<<30) / float64(length),
	}, nil
}
