// As squid-typeorm-migration generates it.
module.exports = class Data1700000000000 {
  name = "Data1700000000000";

  async up(db) {
    await db.query(`CREATE TABLE "account" ("id" character varying NOT NULL, "balance" numeric NOT NULL, "sent" integer NOT NULL, "received" integer NOT NULL, "last_block" integer NOT NULL, CONSTRAINT "PK_account" PRIMARY KEY ("id"))`);
    await db.query(`CREATE TABLE "approval" ("id" character varying NOT NULL, "owner" text NOT NULL, "spender" text NOT NULL, "value" numeric NOT NULL, "changes" integer NOT NULL, CONSTRAINT "PK_approval" PRIMARY KEY ("id"))`);
    await db.query(`CREATE TABLE "token" ("id" character varying NOT NULL, "transfers" integer NOT NULL, "approvals" integer NOT NULL, "volume" numeric NOT NULL, CONSTRAINT "PK_token" PRIMARY KEY ("id"))`);
    await db.query(`CREATE TABLE "hour" ("id" character varying NOT NULL, "transfers" integer NOT NULL, "volume" numeric NOT NULL, "largest" numeric NOT NULL, CONSTRAINT "PK_hour" PRIMARY KEY ("id"))`);
  }

  async down(db) {
    for (const table of ["account", "approval", "token", "hour"]) await db.query(`DROP TABLE "${table}"`);
  }
};
