package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"quern/testdata"
	"quern/verify"
)

// A composite action, as far as its runner reads it.
type action struct {
	Inputs map[string]struct {
		Required bool
		Default  string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []actionStep
	}
}

type actionStep struct {
	Name, ID, If, Uses, Shell, Run string
	Env, With                      map[string]string
}

// runner runs an action's steps as GitHub's runner does: expressions are replaced, conditions decide, each script is a file
// that bash runs with -eo pipefail, and what it writes to its output file is there for the steps after it. Steps that use
// other actions are noted.
type runner struct {
	t       *testing.T
	context map[string]string
	dir     string
	used    []string
	summary string
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// value evaluates an operand, and "a || b".
func (r *runner) value(e string) string {
	for _, alternative := range strings.Split(e, "||") {
		a := strings.TrimSpace(alternative)
		v, known := r.context[a]
		if strings.HasPrefix(a, "'") {
			v, known = strings.Trim(a, "'"), true
		}
		if !known && !strings.HasPrefix(a, "steps.") {
			r.t.Fatalf("expression %q: no such value", a)
		}
		if v != "" {
			return v
		}
	}
	return ""
}

func (r *runner) expand(s string) string {
	return expression.ReplaceAllStringFunc(s, func(m string) string { return r.value(expression.FindStringSubmatch(m)[1]) })
}

func (r *runner) holds(cond string) bool {
	if cond == "" {
		return true
	}
	for _, op := range []string{"==", "!="} {
		if a, b, ok := strings.Cut(cond, op); ok {
			return (r.value(strings.TrimSpace(a)) == r.value(strings.TrimSpace(b))) == (op == "==")
		}
	}
	r.t.Fatalf("condition %q is not understood", cond)
	return false
}

// run returns the exit code of the first step that fails, or 0, and what the action puts out.
func (r *runner) run(a *action, inputs map[string]string) (code int, outputs map[string]string) {
	for name, in := range a.Inputs {
		v, ok := inputs[name]
		if !ok && in.Required {
			r.t.Fatalf("input %s is required", name)
		}
		if !ok {
			v = in.Default
		}
		r.context["inputs."+name] = v
	}
	for _, s := range a.Runs.Steps {
		if !r.holds(s.If) {
			continue
		}
		if s.Uses != "" {
			for _, v := range s.With {
				r.expand(v)
			}
			r.used = append(r.used, s.Uses)
			continue
		}
		if code = r.step(s); code != 0 {
			break
		}
	}
	outputs = map[string]string{}
	for name, o := range a.Outputs {
		outputs[name] = r.expand(o.Value)
	}
	return code, outputs
}

func (r *runner) step(s actionStep) int {
	if s.Shell != "bash" {
		r.t.Errorf("step %s: composite actions want a shell for every script", s.Name)
	}
	if strings.Contains(s.Run, "${{") {
		r.t.Errorf("step %s: an expression in a script lets inputs run commands", s.Name)
	}
	script, out := filepath.Join(r.dir, "step.sh"), filepath.Join(r.dir, "output")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	write(script, s.Run)
	write(out, "")
	cmd := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", script)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GITHUB_OUTPUT="+out, "GITHUB_STEP_SUMMARY="+r.summary)
	for k, v := range s.Env {
		cmd.Env = append(cmd.Env, k+"="+r.expand(v))
	}
	said, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		r.t.Fatalf("step %s: %v", s.Name, err)
	}
	r.t.Logf("step %s: exit code %d\n%s", s.Name, cmd.ProcessState.ExitCode(), said)
	b, err := os.ReadFile(out)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if k, v, ok := strings.Cut(line, "="); ok {
			r.context["steps."+s.ID+".outputs."+k] = v
		}
	}
	return cmd.ProcessState.ExitCode()
}

const repository = "../.."

func readAction(t *testing.T) *action {
	b, err := os.ReadFile(filepath.Join(repository, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(b, &a); err != nil {
		t.Fatal(err)
	}
	if a.Runs.Using != "composite" {
		t.Fatalf("the action uses %s", a.Runs.Using)
	}
	return &a
}

func newRunner(t *testing.T) *runner {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	path, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := testdata.Tiny(filepath.Join(dir, "my model")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"held out.txt": string(testdata.HeldOut()),
		"gates.yaml": "version: 1\ngates:\n  max-kld: 0.05\n", "strict.yaml": "version: 1\ngates:\n  max-kld: 0.00001\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &runner{t: t, dir: dir, summary: filepath.Join(dir, "summary"), context: map[string]string{"github.action_path": path, "runner.temp": dir,
		"runner.os": "Linux", "github.run_id": "1"}}
}

// TestAction runs the action on a model and a text whose names have blanks: first building the program, then with it.
func TestAction(t *testing.T) {
	a, r := readAction(t), newRunner(t)
	code, out := r.run(a, map[string]string{"model": "my model", "types": "Q8_0 Q4_0", "text": "held out.txt", "chunks": "8", "gates": "gates.yaml", "cache": "base cache"})
	if code != 0 || out["outcome"] != "pass" || out["exit-code"] != "0" {
		t.Fatalf("exit code %d, outputs %v", code, out)
	}
	if fmt.Sprint(r.used) != "[actions/setup-go@v5 actions/cache@v4]" {
		t.Errorf("actions used: %v", r.used)
	}
	summary, err := os.ReadFile(r.summary)
	if err != nil || !strings.Contains(string(summary), "✅") || !strings.Contains(string(summary), `Q4\_0.gguf`) {
		t.Errorf("the summary is %s (%v)", summary, err)
	}
	b, err := os.ReadFile(filepath.Join(r.dir, out["json"]))
	if err != nil {
		t.Fatal(err)
	}
	if rep, err := verify.ReadReport(b); err != nil || len(rep.Models) != 3 || rep.Outcome() != verify.Pass {
		t.Errorf("the report: %v", err)
	}
	if err := os.Rename(filepath.Join(r.dir, out["json"]), filepath.Join(r.dir, "previous.json")); err != nil {
		t.Fatal(err)
	}

	// A worse model under the same name, which also fails its gate. The base comes from the cache.
	quern := filepath.Join(r.dir, "quern")
	if err := os.Rename(filepath.Join(r.dir, "quern-report", "Q4_0.gguf"), filepath.Join(r.dir, "Q8_0.gguf")); err != nil {
		t.Fatal(err)
	}
	inputs := map[string]string{"model": "my model", "quants": "Q8_0.gguf\n", "text": "held out.txt", "chunks": "8", "quern": quern, "cache": "base cache"}
	inputs["gates"] = "strict.yaml"
	if code, out = r.run(a, inputs); code != 5 || out["outcome"] != "fail" || out["exit-code"] != "5" {
		t.Errorf("a gate failed: exit code %d, outputs %v", code, out)
	}
	inputs["gates"], inputs["previous"] = "", "previous.json"
	if code, out = r.run(a, inputs); code != 5 || out["outcome"] != "fail" {
		t.Errorf("worse than before: exit code %d, outputs %v", code, out)
	}
	junit, err := os.ReadFile(filepath.Join(r.dir, out["junit"]))
	if err != nil || !strings.Contains(string(junit), `type="worse"`) {
		t.Errorf("JUnit of a change for the worse: %s (%v)", junit, err)
	}
	inputs["text"] = "missing.txt"
	if code, out = r.run(a, inputs); code != 1 || out["outcome"] != "error" {
		t.Errorf("a missing text: exit code %d, outputs %v", code, out)
	}
}

// The other files of deploy are well-formed and name what is there.
func TestDeploy(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(repository, "deploy", "gates.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if g, err := verify.ReadGates(b); err != nil || len(g.Limits) != 4 || !g.Sequential {
		t.Errorf("gates.yaml: %+v, %v", g, err)
	}
	var workflow struct {
		Jobs map[string]struct{ Steps []actionStep }
	}
	b, err = os.ReadFile(filepath.Join(repository, "deploy", "workflow.yml"))
	if err == nil {
		err = yaml.Unmarshal(b, &workflow)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := readAction(t)
	for _, s := range workflow.Jobs["verify"].Steps {
		if s.Uses != "./" {
			continue
		}
		for name := range s.With {
			if _, ok := a.Inputs[name]; !ok {
				t.Errorf("the example sets %s, which is no input of the action", name)
			}
		}
	}
}
