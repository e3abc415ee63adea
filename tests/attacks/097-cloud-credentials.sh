#!/bin/bash
# Credentials of clouds are searched for, and read.
#: title: Cloud credentials searched and read
#: technique: T1552.001
#: needs: exec
#: rules: cloud_credentials_searched, cloud_credentials_read_by_tool
#: twin: a project is searched for a word, and a configuration is read
. "$DRIVERS/lib.sh"

attack() {
	mkdir -p .aws
	echo "aws_secret_access_key = x" >.aws/credentials
	grep -ri aws_secret_access_key .
	cat .aws/credentials
	did "$WORK/.aws/credentials"
}

twin() {
	mkdir -p .aws
	echo "region = eu" >.aws/config
	grep -r region .
	cat .aws/config
	did "$WORK/.aws/config"
}

"$1"
