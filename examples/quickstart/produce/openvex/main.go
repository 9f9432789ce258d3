// Command openvex turns what govulncheck found out into the maintainers' own OpenVEX document: govulncheck knows which
// vulnerable code a program calls, but neither which release that program is nor who says so.
//
//	govulncheck -format openvex ./... | openvex -product PURL -author "NAME <E-MAIL>" -role ROLE
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"

	"github.com/openvex/go-vex/pkg/vex"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("openvex: ")
	product := flag.String("product", "", "the release's `purl`")
	author := flag.String("author", "", "who makes the statements")
	role := flag.String("role", "", "in which role")
	flag.Parse()
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	found, err := vex.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	doc := vex.New()
	doc.Author, doc.AuthorRole = *author, *role
	doc.Tooling = fmt.Sprintf("%s; github.com/openvex/go-vex v0.2.9", found.Tooling)
	for _, s := range found.Statements {
		s.Timestamp = found.Timestamp
		p := vex.Product{Component: vex.Component{ID: *product, Identifiers: map[vex.IdentifierType]string{vex.PURL: *product}}}
		for _, old := range s.Products {
			for _, sub := range old.Subcomponents {
				purl, err := url.PathUnescape(sub.ID) // govulncheck escapes the slashes of a module path; purls of other tools do not
				if err != nil {
					log.Fatal(err)
				}
				p.Subcomponents = append(p.Subcomponents, vex.Subcomponent{
					Component: vex.Component{ID: purl, Identifiers: map[vex.IdentifierType]string{vex.PURL: purl}},
				})
			}
		}
		s.Products = []vex.Product{p}
		if err := s.Validate(); err != nil {
			log.Fatal(err)
		}
		doc.Statements = append(doc.Statements, s)
	}
	if _, err := doc.GenerateCanonicalID(); err != nil {
		log.Fatal(err)
	}
	if err := doc.ToJSON(os.Stdout); err != nil {
		log.Fatal(err)
	}
}
