//! Projects and logstores.

use rusqlite::{OptionalExtension as _, Row, params};

use super::Store;

/// A project as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Unix seconds.
    pub(crate) created: i64,
}

/// A logstore as kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logstore {
    pub(crate) id: i64,
    pub(crate) project: String,
    pub(crate) name: String,
    pub(crate) shards: u32,
    /// What the client sent when it created or updated the logstore.
    pub(crate) config: String,
    /// What the client sent as index.
    pub(crate) index: Option<String>,
    /// Unix seconds.
    pub(crate) created: i64,
}

type Result<T> = rusqlite::Result<T>;

impl Store {
    /// Creates a project; `false` if it is there already.
    pub(crate) fn create_project(&self, name: &str, description: &str, now: i64) -> Result<bool> {
        let sql = "INSERT OR IGNORE INTO project VALUES (?, ?, ?)";
        Ok(self.db.execute(sql, params![name, description, now])? == 1)
    }

    pub(crate) fn describe_project(&self, name: &str, description: &str) -> Result<()> {
        self.db.execute("UPDATE project SET description = ? WHERE name = ?", params![description, name]).map(drop)
    }

    pub(crate) fn project(&self, name: &str) -> Result<Option<Project>> {
        self.db.query_row("SELECT * FROM project WHERE name = ?", [name], read_project).optional()
    }

    /// All projects whose name contains `part`, by name.
    pub(crate) fn projects(&self, part: &str) -> Result<Vec<Project>> {
        let sql = "SELECT * FROM project WHERE instr(name, ?) > 0 OR ?1 = '' ORDER BY name";
        self.db.prepare_cached(sql)?.query_map([part], read_project)?.collect()
    }

    /// Deletes a project and all that is in it.
    pub(crate) fn delete_project(&mut self, name: &str) -> Result<()> {
        for logstore in self.logstores(name, "")? {
            self.delete_logstore(&logstore)?;
        }
        self.db.execute("DELETE FROM project WHERE name = ?", [name]).map(drop)
    }

    /// Creates a logstore; `false` if it is there already.
    pub(crate) fn create_logstore(
        &self,
        project: &str,
        name: &str,
        shards: u32,
        config: &str,
        now: i64,
    ) -> Result<bool> {
        let sql = "INSERT OR IGNORE INTO logstore (project, name, shards, config, created) VALUES (?, ?, ?, ?, ?)";
        Ok(self.db.execute(sql, params![project, name, shards, config, now])? == 1)
    }

    pub(crate) fn configure_logstore(&self, logstore: &Logstore, config: &str) -> Result<()> {
        self.db.execute("UPDATE logstore SET config = ? WHERE id = ?", params![config, logstore.id]).map(drop)
    }

    /// Sets or removes the index of a logstore.
    pub(crate) fn set_index(&self, logstore: &Logstore, index: Option<&str>) -> Result<()> {
        self.db.execute("UPDATE logstore SET index_config = ? WHERE id = ?", params![index, logstore.id]).map(drop)
    }

    pub(crate) fn logstore(&self, project: &str, name: &str) -> Result<Option<Logstore>> {
        let sql = "SELECT * FROM logstore WHERE project = ? AND name = ?";
        self.db.prepare_cached(sql)?.query_row([project, name], read_logstore).optional()
    }

    /// All logstores of a project whose name contains `part`, by name.
    pub(crate) fn logstores(&self, project: &str, part: &str) -> Result<Vec<Logstore>> {
        let sql = "SELECT * FROM logstore WHERE project = ? AND (instr(name, ?) > 0 OR ?2 = '') ORDER BY name";
        self.db.prepare_cached(sql)?.query_map([project, part], read_logstore)?.collect()
    }

    /// Deletes a logstore and all that is in it.
    pub(crate) fn delete_logstore(&mut self, logstore: &Logstore) -> Result<()> {
        let all = self.db.transaction()?;
        all.execute("DELETE FROM event WHERE logstore = ?", [logstore.id])?;
        all.execute("DELETE FROM log_group WHERE logstore = ?", [logstore.id])?;
        all.execute("DELETE FROM logstore WHERE id = ?", [logstore.id])?;
        all.commit()
    }
}

fn read_project(row: &Row<'_>) -> Result<Project> {
    Ok(Project { name: row.get("name")?, description: row.get("description")?, created: row.get("created")? })
}

fn read_logstore(row: &Row<'_>) -> Result<Logstore> {
    Ok(Logstore {
        id: row.get("id")?,
        project: row.get("project")?,
        name: row.get("name")?,
        shards: row.get("shards")?,
        config: row.get("config")?,
        index: row.get("index_config")?,
        created: row.get("created")?,
    })
}
