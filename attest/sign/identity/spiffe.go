package identity

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
	"github.com/spiffe/go-spiffe/v2/workloadapi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// workloadAPI asks a SPIFFE workload API for a JWT-SVID.
// https://github.com/spiffe/spiffe/blob/v1.0.0/standards/SPIFFE_Workload_API.md
type workloadAPI struct {
	address     string
	environment Environment
}

// findSPIFFE goes by the variable alone. SPIRE's usual socket lies below /tmp,
// where every user of a machine may put one.
func findSPIFFE(_ context.Context, e Environment) (Source, error) {
	if e.Env(workloadapi.SocketEnv) == "" {
		return nil, nil
	}
	return newSPIFFE(e)
}

func newSPIFFE(e Environment) (Source, error) {
	address := e.Env(workloadapi.SocketEnv)
	if address == "" {
		return nil, fmt.Errorf("looking for an identity token: %s is not set; set it to the workload API's address, as in unix:///run/spire/agent.sock", workloadapi.SocketEnv)
	}
	// cosign takes a path.
	if strings.HasPrefix(address, "/") {
		address = (&url.URL{Scheme: "unix", Path: address}).String()
	}
	if err := workloadapi.ValidateAddress(address); err != nil {
		return nil, fmt.Errorf("looking for an identity token: %s is \"%s\", expected unix:///path or tcp://127.0.0.1:port", workloadapi.SocketEnv, clip(Escape(address)))
	}
	// The protocol is not encrypted.
	if u, err := url.Parse(address); err != nil || u.Scheme == "tcp" && !loopback(u.Hostname()) {
		return nil, fmt.Errorf("looking for an identity token: %s is \"%s\", which is not on this machine", workloadapi.SocketEnv, clip(Escape(address)))
	}
	return workloadAPI{address, e}, nil
}

func (workloadAPI) Name() string { return "the SPIFFE workload API" }

func (w workloadAPI) Token(ctx context.Context, audience string) (Token, error) {
	t, err := w.token(ctx, audience)
	if err != nil {
		return Token{}, getting(w, err)
	}
	return t, nil
}

func (w workloadAPI) token(ctx context.Context, audience string) (Token, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	api, err := workloadapi.New(ctx, workloadapi.WithAddr(w.address), workloadapi.WithDialOptions(
		grpc.WithNoProxy(), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxAnswer))))
	if err != nil {
		return Token{}, fmt.Errorf("connecting to it: %v", err)
	}
	defer api.Close()
	svid, err := api.FetchJWTSVID(ctx, jwtsvid.Params{Audience: audience})
	if err != nil {
		if ctx.Err() != nil {
			return Token{}, ctx.Err()
		}
		if s, ok := status.FromError(err); ok {
			return Token{}, fmt.Errorf("it answered %s: %s", s.Code(), Scrub(s.Message()))
		}
		return Token{}, errors.New(Scrub(err.Error()))
	}
	return accept(svid.Marshal(), w.environment.Now, audience)
}
