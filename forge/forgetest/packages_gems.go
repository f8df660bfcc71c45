package forgetest

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gemIndex has Ruby make what only Ruby can: the marshalled indexes of a folder of gems, as GitLab's worker makes them.
const gemIndex = `require "rubygems/package"; require "zlib"; require "fileutils"
Dir.chdir(ARGV[0]); FileUtils.mkdir_p("quick/Marshal.4.8")
specs = Dir["gems/*.gem"].sort.map { |f| Gem::Package.new(f).spec }
specs.each { |s| File.binwrite("quick/Marshal.4.8/#{s.full_name}.gemspec.rz", Zlib::Deflate.deflate(Marshal.dump(s))) }
rows = specs.map { |s| [s.name, s.version, s.original_platform.to_s] }
latest = rows.group_by(&:first).values.map { |r| r.max_by { |x| x[1] } }
{"specs" => rows, "latest_specs" => latest, "prerelease_specs" => []}.each do |n, r|
  Zlib::GzipWriter.open("#{n}.4.8.gz") { |z| z.write(Marshal.dump(r)) }
end
puts specs.map(&:full_name)`

// pushGem takes a gem as gem push sends it, and makes the indexes anew.
func pushGem(c *packageCall) answer {
	dir, err := os.MkdirTemp("", "forgetest-gems-")
	if err != nil {
		return answerError(http.StatusInternalServerError, err.Error())
	}
	defer os.RemoveAll(dir)
	if err := os.Mkdir(filepath.Join(dir, "gems"), 0o700); err != nil {
		return answerError(http.StatusInternalServerError, err.Error())
	}
	for name, content := range c.s.files {
		if file, isGem := strings.CutPrefix(name, "gems/gems/"); isGem {
			_ = os.WriteFile(filepath.Join(dir, "gems", file), content, 0o600)
		}
	}
	_ = os.WriteFile(filepath.Join(dir, "gems", "new.gem"), c.body, 0o600)
	out, err := exec.Command("ruby", "-e", gemIndex, dir).CombinedOutput()
	if err != nil {
		return answerError(http.StatusBadRequest, "400 Bad request - "+string(out))
	}
	files, _ := filepath.Glob(filepath.Join(dir, "quick", "Marshal.4.8", "*.rz"))
	indexes, _ := filepath.Glob(filepath.Join(dir, "*.gz"))
	for _, path := range append(files, indexes...) {
		name, _ := filepath.Rel(dir, path)
		if content, err := os.ReadFile(path); err == nil {
			c.s.files["gems/"+name] = content
		}
	}
	for name := range strings.Lines(string(out)) {
		if key := "gems/gems/" + strings.TrimSpace(name) + ".gem"; c.s.files[key] == nil {
			c.s.files[key] = c.body
		}
	}
	return created(object{"message": "201 Created"})
}

func fetchGem(c *packageCall) answer { return c.file("gems/"+c.rest, "application/octet-stream") }
