package config

// ParseCatalogue lets tests read catalogues that are in no file.
var ParseCatalogue = parseCatalogue
