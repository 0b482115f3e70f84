// There is no Go here: this file keeps ./... of the exporter out of node_modules.
module iam_session_exporter/internal/web/check

go 1.26.0
