package verification

import (
	"strings"

	"github.com/hallmark-project/hallmark/verify"
)

// partly says what to do where of an index and its platforms some are attested
// and some are not, or nothing.
func partly(report Report) string {
	var index, platforms struct{ verified, bare string }
	for _, s := range report.Subjects {
		if !strings.Contains(s.Name, "@sha256:") {
			continue
		}
		which := &index
		if strings.HasSuffix(s.Name, ")") {
			which = &platforms
		}
		switch {
		case s.Outcome == Verified:
			which.verified = s.Name
		case s.Outcome == Refused && len(s.Reasons) == 1 && s.Reasons[0].Code == verify.NoBundle:
			which.bare = s.Name
		}
	}
	switch {
	case index.bare != "" && platforms.verified != "":
		name, _, _ := strings.Cut(platforms.verified, " (")
		return "the attestations are about the platforms' images and not about the index: verify the one that you run, by its digest: " + name
	case platforms.bare != "" && index.verified != "":
		return "the attestations are about the index and not about each platform's image, which is what runs: the publisher has to attest those, too"
	}
	return ""
}
