// There is no Go here: this file keeps ./... of the exporter out of node_modules.
module iam_session_exporter/dashboards/preview

go 1.26.0
