package forgetest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// serveLFS answers Git LFS (app/controllers/repositories/lfs_*_controller.rb). Batch answers carry its address and a credential.
func (g *gitServer) serveLFS(w http.ResponseWriter, r *http.Request, repository gitRepository, suffix string) {
	dir := repository.dir + "/lfs-objects"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		panic("forgetest: " + err.Error())
	}
	parts := strings.Split(strings.TrimPrefix(suffix, "/"), "/")
	switch {
	case suffix == "/info/lfs/objects/batch" && r.Method == http.MethodPost:
		g.batch(w, r, repository, dir)
	case parts[0] == "gitlab-lfs" && len(parts) == 3 && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		http.ServeFile(w, r, filepath.Join(dir, filepath.Base(parts[2])))
	case parts[0] == "gitlab-lfs" && len(parts) == 4 && r.Method == http.MethodPut && repository.write:
		putObject(w, r, dir, filepath.Base(parts[2]), parts[3])
	case strings.HasPrefix(suffix, "/info/lfs/locks") && (repository.write || r.Method == http.MethodGet):
		g.locks(w, r, repository, suffix)
	default:
		lfsAnswer(w, http.StatusForbidden, map[string]any{
			"message":           "Access forbidden. Check your access level.",
			"documentation_url": g.forge.external + "/help",
		})
	}
}

func lfsAnswer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (g *gitServer) batch(w http.ResponseWriter, r *http.Request, repository gitRepository, dir string) {
	var asked struct {
		Operation string `json:"operation"`
		Objects   []struct {
			OID  string `json:"oid"`
			Size int64  `json:"size"`
		} `json:"objects"`
	}
	body, _ := io.ReadAll(r.Body)
	if json.Unmarshal(body, &asked) != nil {
		lfsAnswer(w, http.StatusUnprocessableEntity, map[string]any{"message": "bad JSON"})
		return
	}
	if fromQuery := r.URL.Query().Get("operation"); fromQuery != "" {
		asked.Operation = fromQuery // the query goes before the body
	}
	if asked.Operation == "upload" && !repository.write {
		lfsAnswer(w, http.StatusForbidden, map[string]any{"message": "You are not allowed to push"})
		return
	}
	authorization := r.Header.Get("Authorization")
	if authorization != "" {
		authorization = "Basic " + base64.StdEncoding.EncodeToString([]byte("owner:lfs-token-of-the-forge"))
	}
	objects := []any{}
	for _, o := range asked.Objects {
		_, err := os.Stat(filepath.Join(dir, filepath.Base(o.OID)))
		have := err == nil
		out := map[string]any{"oid": o.OID, "size": o.Size, "authenticated": true}
		href := g.forge.external + "/" + repository.path + ".git/gitlab-lfs/objects/" + o.OID
		header := map[string]string{"Authorization": authorization}
		switch {
		case asked.Operation == "download" && !have:
			out["error"] = map[string]any{"code": 404, "message": "Object does not exist on " + g.forge.external}
		case asked.Operation == "download":
			out["actions"] = map[string]any{"download": map[string]any{"href": href, "header": header}}
		case !have:
			href = fmt.Sprintf("%s/%d", href, o.Size)
			out["actions"] = map[string]any{"upload": map[string]any{"href": href, "header": header}}
		}
		objects = append(objects, out)
	}
	lfsAnswer(w, http.StatusOK, map[string]any{"transfer": "basic", "objects": objects})
}

func putObject(w http.ResponseWriter, r *http.Request, dir, oid, size string) {
	file, err := os.CreateTemp(dir, "upload-*")
	if err != nil {
		panic("forgetest: " + err.Error())
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), r.Body)
	if err != nil || hex.EncodeToString(sum.Sum(nil)) != oid || fmt.Sprint(n) != size {
		lfsAnswer(w, http.StatusUnprocessableEntity, map[string]any{"message": "Unprocessable entity"})
		return
	}
	_ = os.Rename(file.Name(), filepath.Join(dir, oid))
	w.WriteHeader(http.StatusOK)
}

// lock is a lock of a file.
type lock struct {
	ID    string `json:"id"`
	Path  string `json:"path"`
	When  string `json:"locked_at"`
	Owner struct {
		Name string `json:"name"`
	} `json:"owner"`
}

func (g *gitServer) locks(w http.ResponseWriter, r *http.Request, repository gitRepository, suffix string) {
	g.forge.mu.Lock()
	defer g.forge.mu.Unlock()
	if g.held == nil {
		g.held = map[string][]lock{}
	}
	held := g.held[repository.dir]
	var asked struct {
		Path string `json:"path"`
	}
	_ = json.NewDecoder(r.Body).Decode(&asked)
	switch id, unlock := strings.CutSuffix(strings.TrimPrefix(suffix, "/info/lfs/locks/"), "/unlock"); {
	case r.Method == http.MethodGet:
		lfsAnswer(w, http.StatusOK, map[string]any{"locks": held})
	case suffix == "/info/lfs/locks/verify":
		lfsAnswer(w, http.StatusOK, map[string]any{"ours": held, "theirs": []lock{}})
	case unlock:
		for i, l := range held {
			if l.ID == id {
				g.held[repository.dir] = append(held[:i:i], held[i+1:]...)
				lfsAnswer(w, http.StatusOK, map[string]any{"lock": l})
				return
			}
		}
		lfsAnswer(w, http.StatusNotFound, map[string]any{"message": "Lock not found"})
	default:
		l := lock{ID: fmt.Sprint(len(held) + 1), Path: asked.Path, When: "2026-01-02T03:04:05Z"}
		l.Owner.Name = "alice"
		g.held[repository.dir] = append(held, l)
		lfsAnswer(w, http.StatusCreated, map[string]any{"lock": l})
	}
}
