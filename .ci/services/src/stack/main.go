// Command stack runs the servers that hallmark talks to, on loopback and with
// nothing kept: an OpenID Connect issuer, Fulcio with its certificate log,
// Rekor v2, Rekor v1, a timestamp authority, and two registries.
//
//	stack run  -bin NAME=PATH… DIR   run them until a signal, or until standard input ends with -attached
//	stack up   -bin NAME=PATH… DIR   run them in the background
//	stack down DIR                   stop what up began
//
// DIR/services.json says where everything is, and is there only once everything
// answers. One process is the parent of all servers and holds a lock on
// DIR/lock: so down knows whom to stop, and never stops a stranger who has come
// by an old process id.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// startup bounds how long all of them may take to answer. An idle machine needs
// two seconds; a loaded one has needed thirty.
const startup = 3 * time.Minute

func main() {
	// The kernel takes the thread that started a child for its parent: see
	// dieWithParent. So it must not end before the process does.
	runtime.LockOSThread()
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "stack: %v\n", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) == 0 {
		return errors.New("expected run, up or down")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	bin := make(programs)
	flags.Var(bin, "bin", "`NAME=PATH` of a program; may be repeated")
	attached := flags.Bool("attached", false, "stop when standard input ends")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%s takes one folder, got %d arguments", args[0], flags.NArg())
	}
	dir, err := filepath.Abs(flags.Arg(0))
	if err != nil {
		return err
	}
	switch args[0] {
	case "run":
		return run(dir, bin, *attached)
	case "up":
		return up(dir, args[1:])
	case "down":
		return down(dir)
	}
	return fmt.Errorf("%q is no command, expected run, up or down", args[0])
}

// programs are the servers and peers by name.
type programs map[string]string

func (p programs) String() string { return "" }

func (p programs) Set(s string) error {
	name, path, ok := strings.Cut(s, "=")
	if !ok || name == "" || path == "" {
		return errors.New("expected NAME=PATH")
	}
	p[name] = path
	return nil
}

// run runs the stack in dir until it is told to stop or a server ends.
func run(dir string, bin programs, attached bool) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := hold(filepath.Join(dir, lockFile))
	if err != nil {
		return err
	}
	defer lock.Close()
	ready := filepath.Join(dir, servicesFile)
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	defer os.Remove(ready)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if attached {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}

	// The kernel gives out free ports, but servers that are told theirs take
	// them a moment later, and somebody may be quicker.
	for try := 1; ; try++ {
		s := &stack{dir: dir, bin: bin, log: filepath.Join(dir, "log"), ended: make(chan *process, 32)}
		err = s.start(ctx)
		if err == nil {
			fmt.Println("ready")
			select {
			case <-ctx.Done():
			case p := <-s.ended:
				err = p.fault("ended")
			}
			s.stop()
			return err
		}
		s.stop()
		if ctx.Err() != nil {
			return errors.New("stopped while starting")
		}
		if !strings.Contains(err.Error(), "address already in use") || try == 3 {
			return err
		}
	}
}

const (
	lockFile     = "lock"
	servicesFile = "services.json"
)

// hold takes the lock at path and writes our process id into it.
func hold(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("a stack runs in %s already", filepath.Dir(path))
	}
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	return f, err
}

// up starts run in a session of its own and waits until it is ready or over.
func up(dir string, args []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	out, err := os.Create(filepath.Join(dir, "stack.log"))
	if err != nil {
		return err
	}
	defer out.Close()
	c := exec.Command(self, append([]string{"run"}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	c.Stderr = out
	from, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	// It prints one word when it is ready, and says nothing when it is not.
	word := make([]byte, len("ready"))
	if _, err := io.ReadFull(from, word); err == nil {
		return c.Process.Release()
	}
	_ = c.Wait()
	said, err := os.ReadFile(out.Name())
	if err != nil {
		return err
	}
	return fmt.Errorf("starting the servers:\n%s", said)
}

// down stops the stack in dir and waits until it is gone.
func down(dir string) error {
	path := filepath.Join(dir, lockFile)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	free := func() bool { return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil }
	if free() {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("%s holds %q, expected a process id", path, data)
	}
	// Whoever holds the lock lives, so the id is still its own.
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping process %d: %w", pid, err)
	}
	for range 300 {
		if free() {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("process %d has not stopped", pid)
}
