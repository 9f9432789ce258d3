module hallmark-project.dev/greet

go 1.26.0

require (
	golang.org/x/text v0.3.7
	gopkg.in/yaml.v3 v3.0.1
)
