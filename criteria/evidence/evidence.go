// Package evidence reads reports into facts, one format a file. Adding one is
// that file, its test and a line in [All].
//
// Which format a report has is said in the release file: content is never
// sniffed, so a report cannot choose its reader.
package evidence

import (
	"github.com/hallmark-project/hallmark/criteria"
	"github.com/hallmark-project/hallmark/criteria/evidence/cloudbuild"
	"github.com/hallmark-project/hallmark/criteria/evidence/slsa"
)

// All lists the formats by name.
func All() []criteria.Format {
	return []criteria.Format{
		changelog{},
		cobertura{},
		cycloneDXJSON{},
		cycloneDXXML{},
		epss{},
		cloudbuild.Provenance{},
		gitTags{},
		gitea{},
		gitleaksJSON{},
		goCover{},
		goMod{},
		goTestJSON{},
		grypeJSON{},
		inTotoPipeline{},
		jacoco{},
		junit{},
		kev{},
		lcov{},
		openVEX{},
		osvScanner{},
		sarif{"sarif", criteria.FactAnalysis},
		sarif{"sarif-secrets", criteria.FactSecrets},
		securityMD{},
		slsa.Provenance{},
		spdxJSON{},
		spdxTagValue{},
		threagileModel{},
		threagileRisks{},
		threatDragon{},
		trivyJSON{},
		trufflehogJSON{},
	}
}
