package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// process is one server.
type process struct {
	name, log string
	cmd       *exec.Cmd
	done      chan struct{} // closed when it has ended
	lines     chan string   // what it prints, for as long as somebody may ask
}

// launch starts a server whose standard output and errors go to a log, and
// whose first lines of output can be read with line.
func (s *stack) launch(name, program string, env []string, args ...string) (*process, error) {
	path, ok := s.bin[program]
	if !ok {
		return nil, fmt.Errorf("there is no program %s: give -bin %s=PATH", program, program)
	}
	out, err := os.OpenFile(filepath.Join(s.log, name+".log"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{name: name, log: out.Name(), cmd: exec.Command(path, args...), done: make(chan struct{}), lines: make(chan string, 64)}
	p.cmd.Dir = s.dir
	p.cmd.Env = append(environment(s.dir), env...)
	p.cmd.Stderr = out
	p.cmd.SysProcAttr = dieWithParent()
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	tee, err := os.OpenFile(out.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		tee.Close()
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	s.processes = append(s.processes, p)
	go func() {
		defer tee.Close()
		in := bufio.NewScanner(stdout)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			fmt.Fprintln(tee, in.Text())
			select {
			case p.lines <- in.Text():
			default: // nobody asks any more
			}
		}
		_ = p.cmd.Wait()
		close(p.done)
		s.ended <- p
	}()
	return p, nil
}

// environment is the least that a server needs: nothing of the caller's that
// could change what it does, and no home folder of a person.
func environment(dir string) []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Join(dir, "home"), "TMPDIR=" + filepath.Join(dir, "tmp")}
}

// line returns the next line that p prints.
func (p *process) line(ctx context.Context) (string, error) {
	select {
	case l := <-p.lines:
		return l, nil
	default:
	}
	select {
	case l := <-p.lines:
		return l, nil
	case <-p.done:
		return "", p.fault("ended")
	case <-ctx.Done():
		return "", p.fault("printed nothing in time")
	}
}

// answers waits until p answers at url.
func (p *process) answers(ctx context.Context, url string) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(r); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return p.fault("ended")
		case <-ctx.Done():
			return p.fault("did not answer in time at " + url)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// fault says what p did, with the end of what it wrote.
func (p *process) fault(what string) error {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Errorf("%s %s, and its log cannot be read: %w", p.name, what, err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return fmt.Errorf("%s %s; the end of %s:\n%s", p.name, what, p.log, strings.Join(lines[max(0, len(lines)-15):], "\n"))
}

// stop ends all servers, the youngest first, and waits for them.
func (s *stack) stop() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		_ = s.processes[i].cmd.Process.Signal(syscall.SIGTERM)
	}
	// Nothing is kept, so nobody gets long to save it.
	patience := time.After(2 * time.Second)
	for _, p := range s.processes {
		select {
		case <-p.done:
			continue
		case <-patience:
			patience = time.After(0)
		}
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ports returns n free ports of loopback. All are held at once, so they differ.
func ports(n int) ([]string, error) {
	var all []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		all = append(all, port)
	}
	return all, nil
}
