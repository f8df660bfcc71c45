package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/cli/settings"
	"patgate/config"
)

// healthTimeout bounds a health check as a whole.
const healthTimeout = 4 * time.Second

func newHealthcheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a running server whether it is ready",
		Long: `Asks /readyz on the admin listener of the server that has the same configuration.
Exits 0 when it is ready, 1 when it is not or cannot be reached. For HEALTHCHECK in a
container, where nothing else is installed.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings.Load(cmd, settings.Admin(), settings.WithoutUpstream)
			if err != nil {
				return err
			}
			if c.Admin.Listen == "off" {
				return errors.New("admin.listen is off: there is nothing to ask")
			}
			report, err := readiness(cmd.Context(), c.Admin.Listen)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), report)
			return err
		},
	}
	settings.Add(cmd.Flags(), settings.Admin())
	return cmd
}

// readiness asks the admin listener at an address; an answer other than 200 is an error.
func readiness(ctx context.Context, listen string) (string, error) {
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	if path, is := config.SocketPath(listen); is {
		listen = "localhost:80"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Transport: transport}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("asking the server: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return "", fmt.Errorf("reading the server's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("not ready: %s",
			strings.Join(strings.FieldsFunc(string(body), func(r rune) bool { return r == '\n' }), "; "))
	}
	return string(body), nil
}
