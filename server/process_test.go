//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// TestProcess drives the program as it is installed.
func TestProcess(t *testing.T) {
	t.Parallel()
	binary := built(t)
	t.Run("serves and ends cleanly", func(t *testing.T) {
		t.Parallel()
		testCleanEnd(t, binary)
	})
	t.Run("ends at once at the second signal", func(t *testing.T) {
		t.Parallel()
		testSecondSignal(t, binary)
	})
	t.Run("refuses unknown variables", func(t *testing.T) {
		t.Parallel()
		p := start(t, binary, "MUSTER_DATA_DRI="+t.TempDir())
		if code := p.exitCode(t); code != exitUsage {
			t.Errorf("exit code %d, want %d", code, exitUsage)
		}
		contains(t, "the error output", p.log.String(), "MUSTER_DATA_DRI: there is no such variable; the nearest is MUSTER_DATA_DIR")
	})
	t.Run("explains itself", func(t *testing.T) {
		t.Parallel()
		out, err := exec.CommandContext(t.Context(), binary, "help").Output()
		if err != nil {
			t.Fatal(err)
		}
		contains(t, "the help", string(out), "MUSTER_ADDR")
	})
}

// process is a server that runs.
type process struct {
	cmd *exec.Cmd
	log *transcript
}

// start runs the program with nothing in its environment but the variables.
func start(t *testing.T, binary string, environ ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary), log: new(transcript)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = environ, p.log, p.log
	if environ == nil {
		p.cmd.Env = []string{}
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill() // it may have ended
			_ = p.cmd.Wait()
		}
	})
	return p
}

// wait waits for the end, and kills what does not end in time.
func (p *process) wait(t *testing.T) {
	t.Helper()
	late := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
}

func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	p.wait(t)
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func testCleanEnd(t *testing.T, binary string) {
	environ := []string{"MUSTER_DATA_DIR=" + filepath.Join(t.TempDir(), "data"), "MUSTER_ADDR=127.0.0.1:0", "MUSTER_CODE_LOG=true"}
	p := start(t, binary, environ...)
	url := p.log.await(t, serving)
	for _, path := range []string{"/readyz", "/livez"} {
		if got := get(t, url+path); got != "ok\n" {
			t.Errorf("%s: got %q", path, got)
		}
	}
	contains(t, "the log", p.log.String(), "PUSHES ARE OFF", "SIGN-IN CODES ARE LOGGED")

	second := start(t, binary, environ...)
	if code := second.exitCode(t); code != exitFailure {
		t.Errorf("a second process: exit code %d, want %d", code, exitFailure)
	}
	contains(t, "the second's error output", second.log.String(), "the data directory is in use by another process", "stop the other one first")

	socket := connect(t, url, signIn(t, url, p.log))
	p.signal(t, syscall.SIGTERM)
	if got := closeCode(t, socket); got != websocket.StatusGoingAway {
		t.Errorf("the socket was closed with %d, want %d", got, websocket.StatusGoingAway)
	}
	if code := p.exitCode(t); code != exitClean {
		t.Errorf("exit code %d, want %d; its log:\n%s", code, exitClean, p.log)
	}
}

// signIn returns an access token of whoever reads the log.
func signIn(t *testing.T, url string, log *transcript) string {
	t.Helper()
	lacks(t, "the answer", ask(t, url, "", requestCode), "errors")
	code := log.await(t, `"msg":"sign-in code".*"code":"([0-9]{6})"`)
	var answer struct {
		Data struct {
			SignIn struct{ AccessToken string }
		}
	}
	body := ask(t, url, "", fmt.Sprintf(`mutation { signIn(input: {phone: "+8613800138000", code: %q}) { accessToken } }`, code))
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Data.SignIn.AccessToken == "" {
		t.Fatalf("signing in: %v: %s", err, body)
	}
	return answer.Data.SignIn.AccessToken
}

// connect opens a WebSocket and waits until it is acknowledged.
func connect(t *testing.T, url, token string) *websocket.Conn {
	t.Helper()
	socket, _, err := websocket.Dial(t.Context(), strings.Replace(url, "http", "ws", 1)+"/graphql",
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.CloseNow() }) // most are closed already
	hello := map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + token}}
	if err := wsjson.Write(t.Context(), socket, hello); err != nil {
		t.Fatal(err)
	}
	var answer struct{ Type string }
	if err := wsjson.Read(t.Context(), socket, &answer); err != nil || answer.Type != "connection_ack" {
		t.Fatalf("got %q, %v, want connection_ack", answer.Type, err)
	}
	return socket
}

// closeCode reads until the server closes the socket.
func closeCode(t *testing.T, socket *websocket.Conn) websocket.StatusCode {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		if _, _, err := socket.Read(ctx); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// testSecondSignal has a request that never ends, for which the server waits.
func testSecondSignal(t *testing.T, binary string) {
	p := start(t, binary, "MUSTER_DATA_DIR="+t.TempDir(), "MUSTER_ADDR=127.0.0.1:0")
	host := strings.TrimPrefix(p.log.await(t, serving), "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// The server answers 100 once it reads the body, so that the request is
	// under way when the signal comes.
	fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", host)
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGTERM)
	p.log.await(t, `"msg":"stopping"`)
	// The process notices the first signal and lets go of the handler side by
	// side; so the second is repeated until it has arrived.
	repeat := time.NewTicker(20 * time.Millisecond)
	defer repeat.Stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.cmd.Wait() // its state says how it ended
	}()
	deadline := time.After(shutdownTime / 2)
	for waiting := true; waiting; {
		select {
		case <-ended:
			waiting = false
		case <-repeat.C:
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		case <-deadline:
			_ = p.cmd.Process.Kill()
			<-ended
			waiting = false
		}
	}
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want the signal", p.cmd.ProcessState)
	}
}
