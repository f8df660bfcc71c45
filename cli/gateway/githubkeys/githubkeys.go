// Package githubkeys has the public keys of GitHub's secret scanning.
package githubkeys

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"patgate/cli/upstream"
	"patgate/config"
	"patgate/dial"
)

// Keys are the public keys of GitHub's secret scanning, read when a report comes that needs them.
type Keys struct {
	url    string
	client *http.Client

	mu   sync.Mutex
	keys map[string]*ecdsa.PublicKey
	read time.Time
}

// keysFor is how long a list of keys counts, and keysAgain how soon it is read again for an unknown key.
const (
	keysFor   = time.Hour
	keysAgain = time.Minute
)

// New asks an address as the forge is asked: through the proxy that the configuration names, whatever the environment
// says, and without following redirects.
func New(address string, proxy config.Proxy) (*Keys, error) {
	dialer, err := dial.New(dial.Options{URL: address, Proxy: upstream.Proxy(proxy)})
	if err != nil {
		return nil, err
	}
	return &Keys{url: address, client: &http.Client{
		Timeout:       10 * time.Second,
		Transport:     dialer.Transport(),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Find gives the key of an identifier; nil when the list has none.
func (k *Keys) Find(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := time.Since(k.read)
	if key, ok := k.keys[id]; ok && age < keysFor {
		return key, nil
	}
	if age < keysAgain {
		return nil, nil
	}
	keys, err := k.fetch(ctx)
	k.read = time.Now()
	if err != nil {
		return nil, fmt.Errorf("reading the keys of GitHub's secret scanning: %w", err)
	}
	k.keys = keys
	return keys[id], nil
}

func (k *Keys) fetch(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New(response.Status)
	}
	var list struct {
		PublicKeys []struct {
			Identifier string `json:"key_identifier"`
			Key        string `json:"key"`
		} `json:"public_keys"`
	}
	const longest = 1 << 20
	if err := json.NewDecoder(io.LimitReader(response.Body, longest)).Decode(&list); err != nil {
		return nil, err
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, entry := range list.PublicKeys {
		block, _ := pem.Decode([]byte(entry.Key))
		if block == nil {
			continue
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if key, ok := parsed.(*ecdsa.PublicKey); err == nil && ok {
			keys[entry.Identifier] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the list holds no key")
	}
	return keys, nil
}
