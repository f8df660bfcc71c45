package gateway

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"gopkg.in/yaml.v3"

	"patgate/admin"
	"patgate/config"
)

// chart is the folder of the Helm chart.
var chart = filepath.Join(deployed, "helm/patgate")

// oldest is the least version of Kubernetes that the chart is for.
const oldest = "1.25.0"

// helm gives the program that renders the chart.
func helm(t *testing.T) string {
	t.Helper()
	return tool(t, "helm", "go install helm.sh/helm/v3/cmd/helm@v3.22.0")
}

// object is a part of what is sent to Kubernetes. What is not there is empty.
type object map[string]any

// at gives what is below keys.
func (o object) at(keys ...string) object {
	for _, key := range keys {
		o, _ = o[key].(object)
	}
	return o
}

// text gives the text below keys.
func (o object) text(keys ...string) string {
	last := len(keys) - 1
	s, _ := o.at(keys[:last]...)[keys[last]].(string)
	return s
}

// number gives the number below keys.
func (o object) number(keys ...string) int {
	last := len(keys) - 1
	n, _ := o.at(keys[:last]...)[keys[last]].(int)
	return n
}

// list gives the objects of a list below keys.
func (o object) list(keys ...string) (all []object) {
	last := len(keys) - 1
	items, _ := o.at(keys[:last]...)[keys[last]].([]any)
	for _, item := range items {
		one, _ := item.(object)
		all = append(all, one)
	}
	return all
}

// manifests gives what the chart at a place makes of values, as it is sent to Kubernetes.
func manifests(t *testing.T, chart string, args ...string) []byte {
	t.Helper()
	args = append([]string{"template", "patgate", chart, "--namespace", "forge", "--kube-version", oldest}, args...)
	out, err := exec.Command(helm(t), args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out = exit.Stderr
		}
		t.Fatalf("%v: %s", err, out)
	}
	return out
}

// rendered gives what the chart makes of values, by kind and name. The release is called patgate.
func rendered(t *testing.T, args ...string) map[string]object {
	t.Helper()
	out := manifests(t, chart, args...)
	all := map[string]object{}
	decoder := yaml.NewDecoder(bytes.NewReader(out))
	for {
		var o object
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%v\n%s", err, out)
		case o == nil:
			continue
		}
		name := o.text("kind") + " " + o.text("metadata", "name")
		if _, twice := all[name]; twice {
			t.Errorf("%s is made twice", name)
		}
		all[name] = o
	}
}

// pods gives the templates of all pods.
func pods(all map[string]object) map[string]object {
	found := map[string]object{}
	for name, o := range all {
		if pod := o.at("spec", "template"); pod != nil {
			found[name] = pod
		}
	}
	return found
}

// variables gives the environment of a container, with known in the place of what is in Secrets, by the variable.
func variables(t *testing.T, container object, known map[string]string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, v := range container.list("env") {
		name := v.text("name")
		if _, twice := env[name]; twice {
			t.Errorf("%s is given twice", name)
		}
		if env[name] = v.text("value"); v.at("valueFrom") == nil {
			continue
		}
		if v.text("valueFrom", "secretKeyRef", "name") == "" || v.text("valueFrom", "secretKeyRef", "key") == "" {
			t.Errorf("%s is of no Secret", name)
		}
		if env[name] = known[name]; env[name] == "" {
			t.Errorf("%s is a secret that the test does not know", name)
		}
	}
	return env
}

// inSecrets are values for what comes from Secrets.
var inSecrets = map[string]string{
	"PATGATE_STORE_KEY":                 strings.Repeat("5e", 32),
	"PATGATE_STORE_URL":                 "postgres://patgate:the-password@postgresql/patgate",
	"PATGATE_LEAK_REPORTS_GITLAB_TOKEN": "a-token-of-sixteen-characters-or-more",
}

// imageVariables gives those that the image sets, which those of a container are stronger than.
func imageVariables(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if words, is := strings.CutPrefix(line, "ENV "); is {
			for _, word := range strings.Fields(words) {
				name, value, _ := strings.Cut(word, "=")
				env[name] = value
			}
		}
	}
	if len(env) == 0 {
		t.Fatal("the Dockerfile is not understood")
	}
	return env
}

// configured reads the configuration as the process in a container does: the file of the ConfigMap, and the container's variables
// over the image's.
func configured(t *testing.T, all map[string]object, container object) config.Config {
	t.Helper()
	env := imageVariables(t)
	for name, value := range variables(t, container, inSecrets) {
		env[name] = value
	}
	in := config.Input{Env: config.Environ(nil), OtherEnv: []string{"PATGATE_CONFIG"}, NoUpstream: env["PATGATE_CONFIG"] == ""}
	if in.Env == nil {
		in.Env = map[string]string{}
	}
	for name, value := range env {
		in.Env[name] = value
	}
	if at := env["PATGATE_CONFIG"]; at != "" {
		in.File = filepath.Join(t.TempDir(), filepath.Base(at))
		text := all["ConfigMap patgate"].text("data", filepath.Base(at))
		if err := os.WriteFile(in.File, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, problems := config.Load(in)
	if len(problems) > 0 {
		t.Fatalf("%v", problems)
	}
	return c
}

// TestTheChartIsWhole renders the chart for each file of ci/ and holds what each of them has to have.
func TestTheChartIsWhole(t *testing.T) {
	helm(t)
	files, err := filepath.Glob(filepath.Join(chart, "ci/*-values.yaml"))
	if err != nil || len(files) < 3 {
		t.Fatalf("%v: %d files", err, len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			accepted(t, helm(t), "lint", "--strict", chart, "--kube-version", oldest, "--values", file)
			all := rendered(t, "--values", file)
			for name, pod := range pods(all) {
				isHardened(t, name, pod)
				for _, container := range pod.list("spec", "containers") {
					c := configured(t, all, container)
					if strings.HasPrefix(name, "Job ") {
						continue
					}
					isProbed(t, container, c)
					grace := pod.number("spec", "terminationGracePeriodSeconds")
					if least := (c.Shutdown.Delay.Std() + c.Shutdown.Timeout.Std()).Seconds(); float64(grace) <= least {
						t.Errorf("%s is killed after %d s, and needs %v", name, grace, least)
					}
				}
				isSelected(t, all, name, pod)
			}
			for name := range all {
				if strings.HasPrefix(name, "Secret ") {
					t.Errorf("%s: the chart makes a secret", name)
				}
			}
		})
	}
}

// isHardened holds what each pod and container has, whatever it is for.
func isHardened(t *testing.T, name string, pod object) {
	t.Helper()
	context := pod.at("spec", "securityContext")
	profile := context.text("seccompProfile", "type")
	if context["runAsNonRoot"] != true || context["runAsUser"] != 65532 || profile != "RuntimeDefault" {
		t.Errorf("%s: %v", name, context)
	}
	if pod.at("spec")["automountServiceAccountToken"] != false {
		t.Errorf("%s has a token of Kubernetes", name)
	}
	containers := append(pod.list("spec", "containers"), pod.list("spec", "initContainers")...)
	if len(containers) == 0 {
		t.Errorf("%s has no container", name)
	}
	for _, container := range containers {
		context := container.at("securityContext")
		dropped, _ := context.at("capabilities")["drop"].([]any)
		if context["readOnlyRootFilesystem"] != true || context["allowPrivilegeEscalation"] != false || len(dropped) != 1 ||
			dropped[0] != "ALL" || context.at("capabilities")["add"] != nil {
			t.Errorf("%s: %v", name, context)
		}
		if container.at("resources", "limits")["memory"] == nil {
			t.Errorf("%s has no limit of memory", name)
		}
		env := variables(t, container, inSecrets)
		for variable, needed := range map[string]bool{"TMPDIR": true, "PATGATE_DATA_DIR": !strings.HasPrefix(name, "Job ")} {
			if needed && !mounted(pod, container, env[variable]) {
				t.Errorf("%s cannot write to its %s", name, variable)
			}
		}
	}
}

// mounted tells whether a container can write to a directory.
func mounted(pod, container object, dir string) bool {
	for _, mount := range container.list("volumeMounts") {
		if mount.text("mountPath") != dir || mount["readOnly"] == true {
			continue
		}
		for _, volume := range append(pod.list("spec", "volumes"), object{"name": "data"}) {
			if volume.text("name") == mount.text("name") {
				return true
			}
		}
	}
	return false
}

// isProbed asks the admin handler for the paths of a container's probes, and holds that it listens on their port.
func isProbed(t *testing.T, container object, c config.Config) {
	t.Helper()
	handler := admin.NewHandler(admin.Options{Gatherer: prometheus.NewRegistry()})
	ports := map[string]int{}
	for _, port := range container.list("ports") {
		ports[port.text("name")] = port.number("containerPort")
	}
	for name, address := range map[string]string{"http": c.Listen, "admin": c.Admin.Listen, "console": c.Console.Listen} {
		host, port, found := strings.Cut(address, ":")
		if found && (host != "" || port != yamlText(t, ports[name])) || !found && ports[name] != 0 {
			t.Errorf("%s listens at %q, and its port is %d", name, address, ports[name])
		}
	}
	for probe, want := range map[string]string{"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"} {
		path, port := container.text(probe, "httpGet", "path"), container.text(probe, "httpGet", "port")
		path, _, _ = strings.Cut(path, "?")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		if answer.Code != http.StatusOK || path != want || port != "admin" {
			t.Errorf("%s asks %s of %s: %d", probe, path, port, answer.Code)
		}
	}
}

// yamlText writes a value as YAML does.
func yamlText(t *testing.T, value any) string {
	t.Helper()
	data, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// isSelected holds that Services and the budget lead to nodes, and never to a Job.
func isSelected(t *testing.T, all map[string]object, name string, pod object) {
	t.Helper()
	found := 0
	for other, o := range all {
		selector := o.at("spec", "selector")
		if labels := selector.at("matchLabels"); labels != nil {
			selector = labels
		}
		if kind := o.text("kind"); kind != "Service" && kind != "PodDisruptionBudget" && other != name || len(selector) == 0 {
			continue
		}
		selects := true
		for key := range selector {
			selects = selects && selector.text(key) == pod.text("metadata", "labels", key)
		}
		if selects == strings.HasPrefix(name, "Job ") {
			t.Errorf("%s selects %s: %v", other, name, selects)
		}
		found++
	}
	if found < 3 {
		t.Errorf("only %d select pods", found)
	}
}

// TestTheChartIsOfKubernetes: every field is one that Kubernetes' own types have, and of their kind.
func TestTheChartIsOfKubernetes(t *testing.T) {
	helm(t)
	program := filepath.Join(t.TempDir(), "kubernetes")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = "testdata/kubernetes"
	if out, err := build.CombinedOutput(); err != nil {
		if os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("the types of Kubernetes are not here: go -C cli/gateway/testdata/kubernetes mod download: %s", out)
	}
	read := func(manifest []byte) (string, error) {
		cmd := exec.Command(program)
		cmd.Stdin = bytes.NewReader(manifest)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, name := range []string{"sqlite", "postgresql", "everything"} {
		out := manifests(t, chart, "--values", filepath.Join(chart, "ci", name+"-values.yaml"))
		if problems, err := read(out); err != nil {
			t.Errorf("%s: %v: %s", name, err, problems)
		}
		misspelled := bytes.Replace(out, []byte("terminationGracePeriodSeconds"), []byte("terminationGracePeriod"), 1)
		if problems, err := read(misspelled); err == nil || !strings.Contains(problems, `"terminationGracePeriod"`) {
			t.Errorf("%s: %v: a field that is none is taken: %s", name, err, problems)
		}
	}
}

// TestTheChartsNotes: what it says after an installation names what was installed.
func TestTheChartsNotes(t *testing.T) {
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(chart)); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(copied, "templates/NOTES.txt"), filepath.Join(copied, "files/NOTES.txt")); err != nil {
		t.Fatal(err)
	}
	shown := "kind: Notes\nmetadata: {name: x}\ntext: {{ tpl (.Files.Get \"files/NOTES.txt\") . | quote }}\n"
	if err := os.WriteFile(filepath.Join(copied, "templates/notes.yaml"), []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		words []string
	}{
		{"sqlite", []string{"exec -it statefulset/patgate -- /patgate token create", "in front of https://gitlab.example.com",
			"Secret patgate-sealing-key", "all sealed credentials are lost", "for everybody in the cluster"}},
		{"everything", []string{"exec -it deployment/patgate -- /patgate token create", "by the Ingress at git.example.com",
			"keep a browser on one", "whom networkPolicy.monitoring names", "patgate-admin:9090/metrics"}},
	} {
		var notes object
		values := filepath.Join(chart, "ci", c.name+"-values.yaml")
		out := manifests(t, copied, "--values", values, "--show-only", "templates/notes.yaml")
		if err := yaml.Unmarshal(out, &notes); err != nil {
			t.Fatal(err)
		}
		for _, words := range c.words {
			if !strings.Contains(notes.text("text"), words) {
				t.Errorf("%s: nothing is said of %q:\n%s", c.name, words, notes.text("text"))
			}
		}
	}
}

// TestTheChartsValuesAreSaid: each value that the schema takes stands in values.yaml, below a comment that says what it is.
func TestTheChartsValuesAreSaid(t *testing.T) {
	var schema, values yaml.Node
	for name, into := range map[string]*yaml.Node{"values.schema.json": &schema, "values.yaml": &values} {
		data, err := os.ReadFile(filepath.Join(chart, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	if said := compareValues(t, "", schema.Content[0], values.Content[0]); said < 60 {
		t.Errorf("only %d values", said)
	}
}

// compareValues compares a part of the schema with the same part of the values, and gives how many values there are.
func compareValues(t *testing.T, path string, schema, values *yaml.Node) (said int) {
	t.Helper()
	properties := below(schema, "properties")
	for i := 0; properties != nil && i < len(properties.Content); i += 2 {
		name := properties.Content[i].Value
		if path == "" && name == "global" {
			continue // of a chart that this one is a part of
		}
		key, value := pair(values, name)
		if value == nil {
			t.Errorf("values.yaml lacks %s%s", path, name)
			continue
		}
		if strings.HasPrefix(key.HeadComment, "# -- ") {
			said++
			continue
		}
		if n := compareValues(t, path+name+".", properties.Content[i+1], value); n > 0 {
			said += n
			continue
		}
		t.Errorf("nothing is said of %s%s", path, name)
	}
	return said
}

// pair gives a key of a mapping with its value; nil: it is not there.
func pair(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// below gives the value of a key.
func below(mapping *yaml.Node, name string) *yaml.Node {
	_, value := pair(mapping, name)
	return value
}

// TestTheChartRefuses what cannot be meant, with a word about what to do.
func TestTheChartRefuses(t *testing.T) {
	program := helm(t)
	for _, c := range []struct{ name, set, want string }{
		{"several nodes on SQLite", "replicaCount=2", "store.type to postgresql"},
		{"an unknown value", "replicas=2", "additional properties 'replicas' not allowed"},
		{"an unknown value below another", "image.name=x", "additional properties 'name' not allowed"},
		{"no image", "image.repository=", "image.repository"},
		{"no sealing key", "sealingKey.existingSecret=", "sealingKey.existingSecret"},
		{"no forge", "config.upstream=null", "config.upstream.url"},
		{"PostgreSQL without a URL", "store.type=postgresql", "store.postgresql.existingSecret"},
		{"the URL of PostgreSQL in a ConfigMap", "config.store.url=postgres://u:p@h/d", "config.store.url: a ConfigMap is no place"},
		{"the sealing key in a ConfigMap", "config.store.key=x", "config.store.key: a ConfigMap is no place"},
		{"the key in a ConfigMap by another spelling", `config.store\.key=x`, "config.store.key: write it as a key below a key"},
		{"a token in a ConfigMap", "config.leak_reports.gitlab_token=x", "a ConfigMap is no place"},
		{"a password in a ConfigMap", "config.upstream.proxy=http://u:p@h:1", "a ConfigMap is no place"},
		{"another admin listener", "config.admin.listen=:1", "config.admin: the chart sets it"},
		{"another console", "config.console.listen=gateway", "config.console.listen: the chart sets it"},
		{"another time to end", "config.shutdown.timeout=1h", "config.shutdown: the chart sets it"},
		{"the same by a variable", "extraEnv[0].name=PATGATE_SHUTDOWN_TIMEOUT,extraEnv[0].value=1h", "the chart sets it"},
		{"a policy that lets nothing out", "networkPolicy.enabled=true", "networkPolicy.egress"},
		{"a console without an address", "console.enabled=true", "console.publicUrl"},
		{"an Ingress without a name", "ingress.enabled=true", "needs its hosts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := exec.Command(program, "template", "patgate", chart, "--kube-version", oldest,
				"--values", filepath.Join(chart, "ci/sqlite-values.yaml"), "--set", c.set).CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v, without %q: %.600s", err, c.want, out)
			}
		})
	}
}

// TestTheChartRefusesEverySecret: no setting that is a secret can be written into the ConfigMap.
func TestTheChartRefusesEverySecret(t *testing.T) {
	program := helm(t)
	found := 0
	sections := reflect.TypeFor[config.Config]()
	for i := range sections.NumField() {
		section := sections.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for k := range section.Type.NumField() {
			field := section.Type.Field(k)
			if field.Type != reflect.TypeFor[config.Secret]() {
				continue
			}
			found++
			key := "config." + section.Tag.Get("yaml") + "." + field.Tag.Get("yaml")
			out, err := exec.Command(program, "template", "patgate", chart, "--kube-version", oldest,
				"--values", filepath.Join(chart, "ci/sqlite-values.yaml"), "--set", key+"=x").CombinedOutput()
			if err == nil || !strings.Contains(string(out), key+": a ConfigMap is no place for it") {
				t.Errorf("%s is taken: %v, %.300s", key, err, out)
			}
		}
	}
	if found < 3 {
		t.Errorf("only %d settings are secrets", found)
	}
}

// TestTheChartKeepsTheAdminListenerIn: no Ingress and no Service but its own leads there, and a policy lets in who is named.
func TestTheChartKeepsTheAdminListenerIn(t *testing.T) {
	all := rendered(t, "--values", filepath.Join(chart, "ci/everything-values.yaml"))
	seen := 0
	for name, o := range all {
		switch o.text("kind") {
		case "Service":
			for _, port := range o.list("spec", "ports") {
				if leads := port["targetPort"] == "admin"; leads != (name == "Service patgate-admin") {
					t.Errorf("%s has the port %v", name, port)
				}
			}
			seen++
		case "Ingress":
			if text := yamlText(t, o); strings.Contains(text, "admin") {
				t.Errorf("%s: %s", name, text)
			}
			seen++
		case "NetworkPolicy":
			for _, rule := range o.list("spec", "ingress") {
				for _, port := range rule.list("ports") {
					if port["port"] == "admin" && len(rule.list("from")) == 0 {
						t.Errorf("%s lets everybody in", name)
					}
				}
			}
			seen++
		}
	}
	if seen != 6 {
		t.Errorf("%d Services, Ingresses and policies", seen)
	}
	if o := all["Service patgate-admin"]; o.text("spec", "type") != "ClusterIP" || o.text("spec", "clusterIP") != "None" {
		t.Errorf("%v", o)
	}
	closed := rendered(t, "--values", filepath.Join(chart, "ci/everything-values.yaml"), "--set", "networkPolicy.monitoring=null")
	text := yamlText(t, closed["NetworkPolicy patgate"].at("spec")["ingress"])
	if strings.Contains(text, "admin") || text == "null" {
		t.Errorf("nobody is named, and let in: %s", text)
	}
}

// TestTheChartsStores: SQLite has a volume of its own, PostgreSQL a Job that needs nothing of the release.
func TestTheChartsStores(t *testing.T) {
	one := rendered(t, "--values", filepath.Join(chart, "ci/sqlite-values.yaml"))
	set := one["StatefulSet patgate"]
	governing := one["Service "+set.text("spec", "serviceName")]
	if len(set.list("spec", "volumeClaimTemplates")) != 1 || set.number("spec", "replicas") != 1 || governing == nil {
		t.Errorf("%v", set)
	}
	if one["Deployment patgate"] != nil || one["Job patgate-migrations"] != nil {
		t.Error("SQLite has what is for PostgreSQL")
	}
	many := rendered(t, "--values", filepath.Join(chart, "ci/postgresql-values.yaml"))
	if many["StatefulSet patgate"] != nil || many["Deployment patgate"].number("spec", "replicas") != 3 {
		t.Error("PostgreSQL has what is for SQLite")
	}
	job := many["Job patgate-migrations"]
	if hook := job.text("metadata", "annotations", "helm.sh/hook"); hook != "pre-install,pre-upgrade" {
		t.Errorf("the Job runs at %q", hook)
	}
	text := yamlText(t, job)
	all := rendered(t, "--values", filepath.Join(chart, "ci/everything-values.yaml"), "--set", "extraEnv[1].name=PGSSLROOTCERT")
	more := yamlText(t, all["Job patgate-migrations"])
	if strings.Contains(more, "PATGATE_LEAK") || !strings.Contains(more, "PGSSLROOTCERT") {
		t.Errorf("the Job has other variables than it needs: %s", more)
	}
	for _, later := range []string{"configMap", "serviceAccountName", "PATGATE_STORE_KEY"} {
		if strings.Contains(text, later) {
			t.Errorf("the Job needs %s", later)
		}
	}
	container := job.list("spec", "template", "spec", "containers")[0]
	if args, _ := container["args"].([]any); len(args) != 2 || args[0] != "store" || args[1] != "migrate" {
		t.Errorf("the Job runs %v", args)
	}
}

// TestTheChartsGrace: nodes that pass tokens without the database stay in the Service only when that is said.
func TestTheChartsGrace(t *testing.T) {
	values := filepath.Join(chart, "ci/postgresql-values.yaml")
	for set, want := range map[string]string{"readyInGrace=false": "/readyz", "readyInGrace=true": "/readyz?grace=allow"} {
		pod := rendered(t, "--values", values, "--set", set)["Deployment patgate"].at("spec", "template")
		if path := pod.list("spec", "containers")[0].text("readinessProbe", "httpGet", "path"); path != want {
			t.Errorf("%s asks %s", set, path)
		}
	}
}

// TestTheChartRestartsForAnotherConfiguration: the pods' template changes with the ConfigMap.
func TestTheChartRestartsForAnotherConfiguration(t *testing.T) {
	values := filepath.Join(chart, "ci/sqlite-values.yaml")
	sum := func(args ...string) string {
		pod := rendered(t, append([]string{"--values", values}, args...)...)["StatefulSet patgate"].at("spec", "template")
		return pod.text("metadata", "annotations", "checksum/config")
	}
	if before := sum(); before == "" || before == sum("--set", "config.log.level=debug") {
		t.Errorf("the sum is %q all the same", before)
	}
}

// TestTheChartsRules: its copy of the alerts is what promtool has tested, and is what is made of it.
func TestTheChartsRules(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(deployed, "prometheus/patgate.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(chart, "files/patgate.rules.yaml")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v: the copy differs: cp deploy/prometheus/patgate.rules.yaml deploy/helm/patgate/files/", err)
	}
	var rules object
	if err := yaml.Unmarshal(want, &rules); err != nil {
		t.Fatal(err)
	}
	all := rendered(t, "--values", filepath.Join(chart, "ci/everything-values.yaml"))
	if made := yamlText(t, all["PrometheusRule patgate"].at("spec")); made != yamlText(t, rules) {
		t.Errorf("the rule is %s", made)
	}
	monitor := yamlText(t, all["ServiceMonitor patgate"])
	if !strings.Contains(string(want), `job="patgate"`) || !strings.Contains(monitor, "replacement: patgate") {
		t.Error("the alerts do not know the job")
	}
}
