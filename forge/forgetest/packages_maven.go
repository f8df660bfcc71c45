package forgetest

import (
	"net/http"
	"strings"
)

// putMaven stores a file of a Maven package. A checksum must be right and is not stored: GitLab makes it when asked for it.
func putMaven(c *packageCall) answer {
	for suffix, sum := range map[string]func([]byte) string{".sha1": sumSHA1, ".md5": sumMD5} {
		if name, ok := strings.CutSuffix(c.rest, suffix); ok {
			content, exists := c.s.files["maven/"+name]
			if !exists {
				notFound("")
			}
			if suffix == ".sha1" && strings.TrimSpace(string(c.body)) != sum(content) {
				return answerError(http.StatusConflict, "409 Conflict")
			}
			return done()
		}
	}
	c.s.files["maven/"+c.rest] = c.body
	return done()
}

// done is an empty 200.
func done() answer { return text("application/octet-stream", "") }

func getMaven(c *packageCall) answer {
	for suffix, sum := range map[string]func([]byte) string{".sha1": sumSHA1, ".md5": sumMD5} {
		if name, isSum := strings.CutSuffix(c.rest, suffix); isSum {
			content, exists := c.s.files["maven/"+name]
			if !exists {
				notFound("")
			}
			return text("text/plain", sum(content))
		}
	}
	return c.file("maven/"+c.rest, "application/octet-stream")
}
