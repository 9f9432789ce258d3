// Package catalogue holds the built-in criteria, one file each. Adding one is
// that file, its test and a line in [All].
package catalogue

import "github.com/hallmark-project/hallmark/criteria"

// All lists the built-in criteria by name.
func All() []criteria.Kind {
	return []criteria.Kind{
		builtByTrustedBuilder,
		changesReviewed,
		coverage,
		licences,
		noSecrets,
		pipelineFollowed,
		releaseNotes,
		sbomPublished,
		sbomQuality,
		securityPolicy,
		staticAnalysis,
		testsPass,
		threatModel,
		versionUnique,
		vulnerabilities,
	}
}
