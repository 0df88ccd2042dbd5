package config

// ParseCatalogue lets tests read catalogues that are in no file.
var ParseCatalogue = parseCatalogue

// Variables are the environment variables, by their tags.
type Variables = variables

// SchemaText is the schema of catalogues.
var SchemaText = schemaText
