package main

import (
	"debug/elf"
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A gitlabJob is what GitLab's runner reads of the template; another key is an error, as it is there.
type gitlabJob struct {
	Image     string
	Variables map[string]string
	Cache     struct {
		Key   string
		Paths []string
	}
	Script    []string
	Artifacts struct {
		When           string
		Paths, Exclude []string
		Reports        struct{ Junit string }
	}
}

// TestGitLab runs the script of the template as a job that extends it would: with its variables, in bash, in the image that the
// Dockerfile makes. What it keeps is there afterwards, whether the gates pass or not.
func TestGitLab(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(repository, "deploy", "gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]gitlabJob
	d := yaml.NewDecoder(strings.NewReader(string(b)))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	job, r := file[".quern-verify"], newRunner(t)
	image := dockerStages(t)["ci"]
	if job.Image != "quern:ci" || job.Artifacts.When != "always" || len(job.Script) == 0 {
		t.Fatalf("the job is %+v", job)
	}
	script := "set -eo pipefail\n" + strings.Join(job.Script, "\n") + "\n"
	for to, from := range image.copied {
		if strings.HasPrefix(from, "/") {
			continue // the program, by way of QUERN
		}
		path, err := filepath.Abs(filepath.Join(repository, from))
		if err != nil {
			t.Fatal(err)
		}
		script = strings.ReplaceAll(script, to, "'"+path+"'")
	}
	if strings.Contains(script, "/usr/") {
		t.Errorf("the script runs what the image does not have: %s", script)
	}
	if len(image.entrypoint) > 0 {
		t.Errorf("an image with an entry point %v cannot run scripts", image.entrypoint)
	}
	quern := buildQuern(t)
	for gates, want := range map[string]int{"gates.yaml": 0, "strict.yaml": 5} {
		cmd := exec.Command("bash", "-c", script)
		cmd.Dir, cmd.Env = r.dir, os.Environ()
		vars := map[string]string{"MODEL": "my model", "TYPES": "Q4_0", "TEXTS": "held out.txt", "GATES": gates}
		for _, m := range []map[string]string{job.Variables, vars, {"QUERN": quern, "CHUNKS": "8"}} {
			for k, v := range m {
				cmd.Env = append(cmd.Env, k+"="+v)
			}
		}
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("%s: exit code %d, want %d: %s", gates, code, want, out)
		}
		kept := append([]string{job.Artifacts.Reports.Junit}, append(job.Artifacts.Paths, job.Cache.Paths...)...)
		for _, name := range kept {
			if _, err := os.Stat(filepath.Join(r.dir, name)); err != nil {
				t.Errorf("%s: what the job keeps: %v", gates, err)
			}
		}
		var suites struct{ XMLName xml.Name }
		if b, err := os.ReadFile(filepath.Join(r.dir, job.Artifacts.Reports.Junit)); err != nil || xml.Unmarshal(b, &suites) != nil || suites.XMLName.Local != "testsuites" {
			t.Errorf("%s: the JUnit file holds %v (%v)", gates, suites.XMLName, err)
		}
	}
}

// A dockerStage is one FROM of a Dockerfile.
type dockerStage struct {
	from, dir  string
	copied     map[string]string // where to, and from where
	run        []string
	entrypoint []string
}

var dockerLine = regexp.MustCompile(`^([A-Z]+) (.*)$`)

// dockerStages reads the Dockerfile, as far as ours goes: another instruction is an error.
func dockerStages(t *testing.T) map[string]*dockerStage {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(repository, "deploy", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages, args := map[string]*dockerStage{}, map[string]string{}
	var s *dockerStage
	for _, line := range strings.Split(string(b), "\n") {
		m := dockerLine.FindStringSubmatch(line)
		if m == nil {
			if line != "" && !strings.HasPrefix(line, "#") {
				t.Fatalf("Dockerfile: %q", line)
			}
			continue
		}
		words := strings.Fields(m[2])
		switch m[1] {
		case "ARG":
			k, v, _ := strings.Cut(m[2], "=")
			args[k] = v
		case "FROM":
			s = &dockerStage{from: os.Expand(words[0], func(k string) string { return args[k] }), copied: map[string]string{}}
			name := ""
			if len(words) == 3 {
				name = words[2]
			}
			stages[name] = s
		case "WORKDIR":
			s.dir = m[2]
		case "COPY":
			s.copy(t, words, stages)
		case "RUN":
			s.run = append(s.run, m[2])
		case "USER":
		case "ENTRYPOINT":
			if err := yaml.Unmarshal([]byte(m[2]), &s.entrypoint); err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatalf("Dockerfile: %q", line)
		}
	}
	return stages
}

// copy notes what is copied; it has to be in the repository, or made by the stage that is named.
func (s *dockerStage) copy(t *testing.T, words []string, stages map[string]*dockerStage) {
	to := words[len(words)-1]
	stage, made := strings.CutPrefix(words[0], "--from=")
	if made {
		words = words[1:]
	}
	for _, from := range words[:len(words)-1] {
		switch {
		case made && (stages[stage] == nil || !madePath(from).MatchString(strings.Join(stages[stage].run, "\n"))):
			t.Errorf("Dockerfile: stage %s does not make %s", stage, from)
		case !made:
			if _, err := os.Stat(filepath.Join(repository, from)); err != nil {
				t.Errorf("Dockerfile: %v", err)
			}
		}
		s.copied[to] = from
	}
}

// madePath finds a path, or what lies in it, in a command line.
func madePath(path string) *regexp.Regexp {
	return regexp.MustCompile(`(?m) ` + regexp.QuoteMeta(path) + `(/[^ ]*)?( |$)`)
}

// TestDockerfile builds what the Dockerfile builds, with its own lines, and sees that the program needs nothing of the image that
// it is put in.
func TestDockerfile(t *testing.T) {
	stages := dockerStages(t)
	build, last := stages["build"], stages[""]
	if build == nil || last == nil || !strings.HasPrefix(build.from, "golang:") || last.copied["/usr/bin/quern"] != "/quern" || last.copied["/"] != "/files" ||
		len(last.entrypoint) != 1 || last.entrypoint[0] != "/usr/bin/quern" {
		t.Fatalf("stages %+v", stages)
	}
	if want, err := os.ReadFile(filepath.Join(repository, "go.mod")); err != nil || !strings.Contains(string(want), "\ngo "+strings.TrimPrefix(build.from, "golang:")) {
		t.Errorf("the image is %s, go.mod wants another version (%v)", build.from, err)
	}
	root := t.TempDir()
	for _, line := range build.run {
		if strings.HasPrefix(line, "go mod download") {
			continue // the modules are here
		}
		cmd := exec.Command("sh", "-ec", regexp.MustCompile(` (/quern|/files)\b`).ReplaceAllString(line, " '"+root+"'$1"))
		cmd.Dir = repository
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
	program := filepath.Join(root, "quern")
	if out, err := exec.Command(program, "--version").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if info, err := os.Stat(filepath.Join(root, "files", "tmp")); err != nil || info.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Errorf("the folder for temporary files is %v (%v)", info, err)
	}
	if runtime.GOOS != "linux" {
		return
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if libs, err := f.ImportedLibraries(); err != nil || len(libs) > 0 {
		t.Errorf("the program wants libraries: %v (%v)", libs, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program wants a loader, which a base without libraries does not have")
		}
	}
}

// buildQuern builds the program of this folder.
func buildQuern(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "quern")
	cmd := exec.Command("go", "build", "-trimpath", "-o", name, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}
