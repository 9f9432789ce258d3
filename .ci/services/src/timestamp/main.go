// Command timestamp is Sigstore's timestamp authority with its signer in
// memory. Upstream's command serves metrics on port 2112 of every interface,
// and ends where that port is taken: two could not run on one machine.
//
// The first line it prints is its host and port.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"strconv"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

func main() {
	host := flag.String("host", "127.0.0.1", "where to listen, on a port that the kernel gives")
	flag.Parse()
	// The defaults of upstream's command.
	viper.Set("timestamp-signer", "memory")
	viper.Set("timestamp-signer-hash", "sha256")
	viper.Set("default-policy-oid", "1.3.6.1.4.1.57264.2")
	viper.Set("accepted-policy-oids", []string{"1.3.6.1.4.1.57264.2"})
	viper.Set("max-request-body-size", 1048576)

	s := server.NewRestAPIServer(*host, 0, []string{"http"}, false, 10*time.Second, 10*time.Second)
	if err := s.Listen(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
	log.Fatal(s.Serve())
}
