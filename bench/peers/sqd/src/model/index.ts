// As squid-typeorm-codegen writes it.
import { BigIntColumn, Entity, IntColumn, PrimaryColumn, StringColumn } from "@subsquid/typeorm-store";

@Entity()
export class Account {
  constructor(props?: Partial<Account>) {
    Object.assign(this, props);
  }
  @PrimaryColumn() id!: string;
  @BigIntColumn({ nullable: false }) balance!: bigint;
  @IntColumn({ nullable: false }) sent!: number;
  @IntColumn({ nullable: false }) received!: number;
  @IntColumn({ nullable: false }) lastBlock!: number;
}

@Entity()
export class Approval {
  constructor(props?: Partial<Approval>) {
    Object.assign(this, props);
  }
  @PrimaryColumn() id!: string;
  @StringColumn({ nullable: false }) owner!: string;
  @StringColumn({ nullable: false }) spender!: string;
  @BigIntColumn({ nullable: false }) value!: bigint;
  @IntColumn({ nullable: false }) changes!: number;
}

@Entity()
export class Token {
  constructor(props?: Partial<Token>) {
    Object.assign(this, props);
  }
  @PrimaryColumn() id!: string;
  @IntColumn({ nullable: false }) transfers!: number;
  @IntColumn({ nullable: false }) approvals!: number;
  @BigIntColumn({ nullable: false }) volume!: bigint;
}

@Entity()
export class Hour {
  constructor(props?: Partial<Hour>) {
    Object.assign(this, props);
  }
  @PrimaryColumn() id!: string;
  @IntColumn({ nullable: false }) transfers!: number;
  @BigIntColumn({ nullable: false }) volume!: bigint;
  @BigIntColumn({ nullable: false }) largest!: bigint;
}
