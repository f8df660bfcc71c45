package gateway

import (
	"patgate/admin/api"
	"patgate/cli/gateway/githubkeys"
	"patgate/config"
	"patgate/token"
)

// newLeaks gives the leak reports that the configuration takes; nil when it takes none.
func newLeaks(c *config.Config) (*api.Leaks, error) {
	l := &api.Leaks{GitLabToken: token.NewSecret(c.LeakReports.GitLabToken.Reveal())}
	if c.LeakReports.GitHubKeysURL != "" {
		keys, err := githubkeys.New(c.LeakReports.GitHubKeysURL, c.Upstream.Proxy)
		if err != nil {
			return nil, err
		}
		l.GitHubKey = keys.Find
	}
	return l, nil
}
