package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"patgate/dial"
)

const (
	// answerWithin is how long an issuer may take for discovery and keys together.
	answerWithin = 5 * time.Second
	// longest is how many bytes an answer of it may have.
	longest = 256 << 10
	// mostKeys is how many keys of it count.
	mostKeys = 100
)

// source is where the keys of an issuer are read.
type source struct {
	issuer, keys string
	client       *http.Client
}

// newSource makes a client that connects to the issuer's host, or that of its keys, and to no other, whatever answers say and
// whatever the environment has.
func newSource(i *Issuer) (source, error) {
	address := i.URL
	if i.KeysURL != "" {
		address = i.KeysURL
	}
	dialer, err := dial.New(dial.Options{URL: address, CAFile: i.CAFile})
	if err != nil {
		return source{}, err
	}
	return source{i.URL, i.KeysURL, &http.Client{Timeout: answerWithin, Transport: dialer.Transport(),
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 3 || !sameHost(r.URL, via[0].URL) {
				return errors.New("it redirects elsewhere")
			}
			return nil
		}}}, nil
}

func sameHost(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// read asks the issuer for its keys. When it has none any more, it gives none, and ErrWithdrawn; after other errors it gives nil.
func (s *source) read() ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	at := s.keys
	if at == "" {
		var err error
		if at, err = s.discover(ctx); err != nil {
			return nil, err
		}
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, at, &set); err != nil {
		return nil, err
	}
	if set.Keys == nil {
		return nil, fmt.Errorf("%s is not a set of keys", at)
	}
	keys := []jose.JSONWebKey{}
	for _, data := range set.Keys {
		var k jose.JSONWebKey
		if json.Unmarshal(data, &k) == nil && usable(&k) && len(keys) < mostKeys { // others are for other uses
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return keys, fmt.Errorf("%w: %s has no key to verify signatures with", ErrWithdrawn, at)
	}
	return keys, nil
}

// discover reads where the keys are (OpenID Connect Discovery 1.0).
func (s *source) discover(ctx context.Context) (string, error) {
	var document struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.get(ctx, strings.TrimRight(s.issuer, "/")+"/.well-known/openid-configuration", &document); err != nil {
		return "", err
	}
	own, err := url.Parse(s.issuer)
	if err != nil {
		return "", err
	}
	keys, err := url.Parse(document.Keys)
	switch {
	case document.Issuer != s.issuer:
		return "", fmt.Errorf("the discovery document is that of the issuer %q", document.Issuer)
	case err != nil || !sameHost(own, keys):
		return "", fmt.Errorf("the discovery document leads to the keys at %q, on another host (fix: set "+
			"jwks_url)", document.Keys)
	}
	return document.Keys, nil
}

func (s *source) get(ctx context.Context, at string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Cache-Control", "no-cache")
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("reading %s: %w", at, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("reading %s: %s", at, response.Status)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, longest+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading %s: %w", at, err)
	case len(data) > longest:
		return fmt.Errorf("reading %s: the answer has more than %d KiB", at, longest>>10)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading %s: %w", at, err)
	}
	return nil
}
