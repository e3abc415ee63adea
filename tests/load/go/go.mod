module guardbee.dev/load

go 1.19
