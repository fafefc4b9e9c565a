package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/musterhq/muster/auth"
	"github.com/musterhq/muster/roster"
)

const unitsCSV = `code,name,level,parent
440303000000,罗湖区,DISTRICT,
440303001000,桂园街道,SUBDISTRICT,440303000000
440303001001,老围社区,COMMUNITY,440303001000
`

// furnished returns the environment of an installation that has units.
func furnished(t *testing.T) []string {
	t.Helper()
	environ := []string{"MUSTER_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "MUSTER_ADDR=127.0.0.1:0"}
	got := invoke(t, environ, "units", "import", write(t, "units.csv", unitsCSV))
	if got.code != exitClean {
		t.Fatalf("importing units: exit code %d\n%s", got.code, got.errOut)
	}
	return environ
}

func dataDir(environ []string) string { return strings.TrimPrefix(environ[0], "MUSTER_DATA_DIR=") }

// inspect opens what a command left behind.
func inspect(t *testing.T, environ []string, look func(a *app)) {
	t.Helper()
	p := program{environ: environ, out: new(transcript), errOut: new(transcript)}
	code := p.with(t.Context(), func(a *app) error {
		look(a)
		return nil
	})
	if code != exitClean {
		t.Fatalf("opening the store: exit code %d\n%s", code, p.errOut)
	}
}

func TestCommandsRefuseWrongArguments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args []string
		want string
	}{
		"unknown command":        {[]string{"launch"}, `there is no command "launch"`},
		"half a command":         {[]string{"admin"}, `there is no command "admin"`},
		"other half":             {[]string{"admin", "destroy", "all"}, `there is no command "admin destroy"`},
		"unknown flag":           {[]string{"--port", "80"}, `there is no command "--port 80"`},
		"admin without unit":     {[]string{"admin", "create", "--phone", "1", "--name", "x"}, "--phone, --name and --unit are all needed"},
		"admin with more":        {[]string{"admin", "create", "--phone", "1", "--name", "x", "--unit", "1", "more"}, `unexpected argument "more"`},
		"admin with other flag":  {[]string{"admin", "create", "--role", "x"}, "flag provided but not defined: -role"},
		"units without file":     {[]string{"units", "import"}, "FILE.csv is missing"},
		"units with two files":   {[]string{"units", "import", "a", "b"}, `unexpected argument "b"`},
		"export without a place": {[]string{"export"}, "DIR is missing"},
		"rotate with more":       {[]string{"keys", "rotate", "now"}, `unexpected argument "now"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			got := invoke(t, []string{"MUSTER_DATA_DIR=" + dir}, test.args...)
			if got.code != exitUsage || got.out != "" {
				t.Errorf("exit code %d, output %q, want %d and none", got.code, got.out, exitUsage)
			}
			contains(t, "the error output", got.errOut, test.want)
			if _, err := os.Stat(dir); err == nil {
				t.Error("it made the data directory")
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		got := invoke(t, nil, args...)
		if got.code != exitClean || got.errOut != "" {
			t.Errorf("%s: exit code %d, error output %q", args, got.code, got.errOut)
		}
		for _, c := range commands() {
			contains(t, "the help", got.out, "server "+c.name())
		}
		contains(t, "the help", got.out, variableNames()...)
		for line := range strings.Lines(got.out) {
			if len(line) > helpWidth+1 && strings.HasPrefix(line, "      ") {
				t.Errorf("%d columns: %s", len(line), line)
			}
		}
	}
	for _, c := range commands() {
		if len(c.words) < 2 && c.name() != "export" {
			continue
		}
		got := invoke(t, nil, append(c.words, "--help")...)
		if got.code != exitClean {
			t.Errorf("%s --help: exit code %d", c.name(), got.code)
		}
		contains(t, "the help", got.errOut, "Usage: server "+c.name())
	}
}

func TestImportUnits(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	again := invoke(t, environ, "units", "import", write(t, "units.csv", strings.ReplaceAll(unitsCSV, "老围", "新围")))
	want := "Imported 3 org units: 1 of level DISTRICT, 1 of SUBDISTRICT, 1 of COMMUNITY.\n"
	if diff := cmp.Diff(outcome{out: want}, again, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	inspect(t, environ, func(a *app) {
		u, err := a.roster.Unit(t.Context(), "440303001001")
		if err != nil {
			t.Fatal(err)
		}
		if u.Name != "新围社区" || u.Level != roster.LevelCommunity || u.Path != "440303000000/440303001000/440303001001/" {
			t.Errorf("got %+v", u)
		}
	})
}

func TestImportUnitsRefuses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for want, file := range map[string]string{
		"line 2: the code": write(t, "bad.csv", "code,name,level,parent\n1,x,DISTRICT,\n"),
		"no such file":     filepath.Join(t.TempDir(), "none.csv"),
	} {
		got := invoke(t, []string{"MUSTER_DATA_DIR=" + dir}, "units", "import", file)
		if got.code != exitFailure {
			t.Errorf("exit code %d, want %d", got.code, exitFailure)
		}
		contains(t, "the error output", got.errOut, want)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it made the data directory")
	}
}

func TestCreateAdmin(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	create := func(unit string) outcome {
		return invoke(t, environ, "admin", "create", "--phone", "13800138000", "--name", "王芳", "--unit", unit)
	}
	steps := []struct{ name, unit, account, grant string }{
		{"the first time", "440303001000", "Created account acc_[0-9a-z]{26} for \\+8613800138000 \\(王芳\\)", "now ADMIN of 桂园街道 \\(440303001000\\)"},
		{"again", "440303001000", "Found account acc_[0-9a-z]{26} of \\+8613800138000 \\(王芳\\)", "ADMIN of 桂园街道 \\(440303001000\\) already: nothing changed"},
		{"another unit", "440303000000", "Found account", "now ADMIN of 罗湖区"},
	}
	for _, step := range steps {
		got := create(step.unit)
		if got.code != exitClean || got.errOut != "" {
			t.Fatalf("%s: exit code %d, error output %q", step.name, got.code, got.errOut)
		}
		for _, want := range []string{step.account, step.grant} {
			if !regexp.MustCompile(want).MatchString(got.out) {
				t.Errorf("%s: %q is not in\n%s", step.name, want, got.out)
			}
		}
	}
	inspect(t, environ, func(a *app) {
		account, err := a.auth.AccountByPhone(t.Context(), a.db, "+8613800138000")
		if err != nil {
			t.Fatal(err)
		}
		want := []auth.Grant{
			{Role: auth.RoleAdmin, UnitPath: "440303000000/440303001000/"}, {Role: auth.RoleAdmin, UnitPath: "440303000000/"},
		}
		if diff := cmp.Diff(want, account.Grants); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

func TestCreateAdminRefuses(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	tests := map[string]struct{ phone, name, unit, want string }{
		"a phone that is none": {"12345", "x", "440303000000", "--phone is not the number of a mobile phone"},
		"a name too long":      {"13800138000", strings.Repeat("长", 101), "440303000000", "--name is too long"},
		"a unit that is none":  {"13800138000", "x", "440303999999", "there is no org unit 440303999999"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { // one after another: they share the store
			got := invoke(t, environ, "admin", "create", "--phone", test.phone, "--name", test.name, "--unit", test.unit)
			if got.code != exitFailure || got.out != "" {
				t.Errorf("exit code %d, output %q, want %d and none", got.code, got.out, exitFailure)
			}
			contains(t, "the error output", got.errOut, test.want)
		})
	}
}

func TestRotateKeys(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	path := filepath.Join(dataDir(environ), "keys.json")
	before, err := auth.LoadKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	old, err := before.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	got := invoke(t, environ, "keys", "rotate")
	if got.code != exitClean {
		t.Fatalf("exit code %d\n%s", got.code, got.errOut)
	}
	contains(t, "the output", got.out, path)
	now, err := before.JWKS() // of the keyring that was open all the time
	if err != nil {
		t.Fatal(err)
	}
	if a, b := strings.Count(string(old), `"kid"`), strings.Count(string(now), `"kid"`); a != 1 || b != 2 {
		t.Errorf("there were %d keys and are %d, want 1 and 2", a, b)
	}
}

func TestRotateKeysThatAreNotThere(t *testing.T) {
	t.Parallel()
	got := invoke(t, []string{"MUSTER_DATA_DIR=" + t.TempDir()}, "keys", "rotate")
	if got.code != exitFailure {
		t.Errorf("exit code %d, want %d", got.code, exitFailure)
	}
	contains(t, "the error output", got.errOut, "rotating the keyring")
}

func TestExport(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	dir := filepath.Join(t.TempDir(), "it's here")
	got := invoke(t, environ, "export", dir)
	if got.code != exitClean {
		t.Fatalf("exit code %d\n%s", got.code, got.errOut)
	}
	contains(t, "the output", got.out,
		fmt.Sprintf("Exported %d collections to ", len(collections())),
		"mongorestore --uri ", `it'\''s here'`, "MUSTER_KEY_FILE='"+filepath.Join(dataDir(environ), "keys.json")+"'")
	units, err := os.ReadFile(filepath.Join(dir, "muster", "units.bson"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "the export", string(units), "罗湖区", "440303001001")
	again := invoke(t, environ, "export", dir)
	if again.code != exitFailure {
		t.Errorf("into the same place: exit code %d, want %d", again.code, exitFailure)
	}
}

func TestExportRefuses(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	tests := map[string]struct {
		environ []string
		code    int
		want    string
	}{
		"no store": {[]string{"MUSTER_DATA_DIR=" + empty}, exitFailure, "there is no store in " + empty},
		"MongoDB":  {[]string{"MUSTER_MONGODB_URI=mongodb://h", "MUSTER_KEY_FILE=k"}, exitUsage, "mongodump"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := invoke(t, test.environ, "export", filepath.Join(t.TempDir(), "x"))
			if got.code != test.code {
				t.Errorf("exit code %d, want %d", got.code, test.code)
			}
			contains(t, "the error output", got.errOut, test.want)
		})
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("it left %v in a directory that is no store (%v)", left, err)
	}
}

func TestDirectoryInUse(t *testing.T) {
	t.Parallel()
	environ := furnished(t)
	log, stop := background(t, environ)
	log.await(t, serving)
	for _, args := range [][]string{
		nil, {"admin", "create", "--phone", "13800138000", "--name", "x", "--unit", "440303000000"},
		{"units", "import", write(t, "units.csv", unitsCSV)}, {"export", t.TempDir()},
	} {
		got := invoke(t, environ, args...)
		if got.code != exitFailure {
			t.Errorf("%v: exit code %d, want %d", args, got.code, exitFailure)
		}
		contains(t, "the error output", got.errOut, "the data directory is in use by another process: "+dataDir(environ), "stop the other one first")
	}
	if got := invoke(t, environ, "keys", "rotate"); got.code != exitClean {
		t.Errorf("rotating keys: exit code %d, want %d, beside a server\n%s", got.code, exitClean, got.errOut)
	}
	if code := stop(); code != exitClean {
		t.Errorf("serving: exit code %d, want %d", code, exitClean)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	got := invoke(t, []string{"MUSTER_DATA_DIR=" + t.TempDir(), "MUSTER_ADDR=" + taken.Addr().String()})
	if got.code != exitFailure {
		t.Errorf("exit code %d, want %d", got.code, exitFailure)
	}
	contains(t, "the error output", got.errOut, "listening: ", "address already in use")
	lacks(t, "the error output", got.errOut, "stop the other one first")
}

func TestReadmeNamesEveryVariable(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range variableNames() {
		contains(t, "README.md", string(readme), "`"+name+"`")
	}
}
