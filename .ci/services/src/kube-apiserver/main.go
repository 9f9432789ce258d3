// Command kube-apiserver is a Kubernetes API server with the etcd that it keeps
// its objects in, in one process, for tests: it listens on loopback, keeps
// nothing, and has no controllers, schedulers or nodes beside it. What is
// created stays as it was created.
//
//	kube-apiserver DIR [kube-apiserver's flags…]
//
// The first line that it prints is its URL, before it answers there: ask
// /readyz. DIR/ca.crt is the certificate to know it by, and DIR/tokens.csv the
// bearer tokens that it takes, as token,name,uid,"groups". It ends when standard
// input does, so that it never outlives whom it was started for.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

// tokens are the people of the tests. Only the first may do anything; the others
// are given roles as a test needs them.
const tokens = `admin-token,admin,admin,"system:masters"
developer-token,developer,developer,"developers"
responder-token,responder,responder,"developers,incident-responders"
`

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("expected a folder"))
	}
	dir, err := filepath.Abs(os.Args[1])
	if err != nil {
		fail(err)
	}
	port, err := prepare(dir)
	if err != nil {
		fail(err)
	}
	etcd, err := startEtcd(filepath.Join(dir, "etcd"))
	if err != nil {
		fail(fmt.Errorf("starting etcd: %w", err))
	}
	fmt.Println("https://127.0.0.1:" + port)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	file := func(name string) string { return filepath.Join(dir, name) }
	os.Args = append([]string{
		"kube-apiserver", "--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + port,
		"--tls-cert-file=" + file("ca.crt"), "--tls-private-key-file=" + file("tls.key"), "--cert-dir=" + file("certs"),
		"--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + file("sa.pub"), "--service-account-signing-key-file=" + file("sa.key"),
		"--token-auth-file=" + file("tokens.csv"), "--authorization-mode=RBAC", "--allow-privileged",
		// No controller makes the account that every pod would need.
		"--disable-admission-plugins=ServiceAccount",
	}, os.Args[2:]...)
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}

func fail(err error) {
	fmt.Fprintf(os.Stderr, "kube-apiserver: %v\n", err)
	os.Exit(1)
}

// prepare writes what the API server reads into dir, and finds it a port.
func prepare(dir string) (port string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	serving, _, err := keys()
	if err != nil {
		return "", err
	}
	certificate, err := certify(serving)
	if err != nil {
		return "", err
	}
	accounts, public, err := keys()
	if err != nil {
		return "", err
	}
	for name, block := range map[string]*pem.Block{
		"tls.key": private(serving), "ca.crt": {Type: "CERTIFICATE", Bytes: certificate},
		"sa.key": private(accounts), "sa.pub": {Type: "PUBLIC KEY", Bytes: public},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tokens.csv"), []byte(tokens), 0o600); err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return port, err
}

func keys() (key *ecdsa.PrivateKey, public []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	public, err = x509.MarshalPKIXPublicKey(key.Public())
	return key, public, err
}

func private(key *ecdsa.PrivateKey) *pem.Block {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err) // a P-256 key can always be written
	}
	return &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}
}

// certify makes the certificate that clients are given to know the server by.
func certify(key *ecdsa.PrivateKey) ([]byte, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kube-apiserver"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	return x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
}

// startEtcd starts an etcd that forgets, and returns its URL.
func startEtcd(dir string) (string, error) {
	// Anything older is another run's.
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	loopback := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	c := embed.NewConfig()
	c.Dir, c.LogLevel, c.UnsafeNoFsync = dir, "error", true
	c.ListenClientUrls, c.AdvertiseClientUrls, c.ListenPeerUrls, c.AdvertisePeerUrls = loopback, loopback, loopback, loopback
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	e, err := embed.StartEtcd(c)
	if err != nil {
		return "", err
	}
	select {
	case <-e.Server.ReadyNotify():
	case err := <-e.Err():
		return "", err
	case <-time.After(time.Minute):
		return "", errors.New("it is not ready after a minute")
	}
	return "http://" + e.Clients[0].Addr().String(), nil
}
