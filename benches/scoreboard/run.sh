#!/bin/sh
# Tries every attack on six public tables and writes a scoreboard of each: benches/scoreboard/NAME.txt, .json and .html.
#
#   benches/scoreboard/run.sh [TABLE ..]      all six if none is named
#
# TRIALS (10), ROWS (20000, of tables other than adult), SEED (1), MODEL (unset; 1 marks by a model of the table) and DATASETS
# (../shared/datasets beside the checkout) may be set in the environment. The same seed gives the same boards. Two boards of
# adult are made: by its policy, and with four times the rates and 100 partners.
set -eu
cd "$(dirname "$0")/../.."
out=benches/scoreboard
data=${DATASETS:-../shared/datasets}
trials=${TRIALS:-10}
rows=${ROWS:-20000}
seed=${SEED:-1}
model=${MODEL:+--model}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
cargo build --release --bin dyepack
dyepack=${CARGO_TARGET_DIR:-target}/release/dyepack

# A header and a running id in front; empty lines go.
numbered() {
    printf 'id,%s\n' "$1"
    tr -d '\r' | grep -v '^ *$' | awk '{ print NR "," $0 }'
}

table() {
    case $1 in
    adult*)
        gzip -dc "$data/adult/adult.data.gz" | sed 's/, /,/g' | numbered \
            'age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,capital-gain,capital-loss,hours-per-week,native-country,income' ;;
    nursery)
        gzip -dc "$data/nursery/nursery.data.gz" | numbered \
            'parents,has_nurs,form,children,housing,finance,social,health,class' ;;
    german_credit)
        gzip -dc "$data/german_credit/german.data.gz" | tr ' ' ',' | numbered \
            'status,duration,credit_history,purpose,credit_amount,savings,employment,installment_rate,personal_status,other_debtors,residence_since,property,age,other_installments,housing,existing_credits,job,people_liable,telephone,foreign_worker,class' ;;
    covertype)
        gzip -dc "$data/covertype/covertype_10attr_286048.csv.gz" | tail -n +2 | numbered \
            "$(gzip -dc "$data/covertype/covertype_10attr_286048.csv.gz" | head -n 1)" ;;
    encounters) gzip -dc "$data/synthea/encounters.csv.gz" ;;
    diabetic_data) gzip -dc "$data/diabetes130/diabetic_data.csv.gz" ;;
    *) echo "no table $1" >&2 && exit 2 ;;
    esac
}

board() { # NAME POLICY RECIPIENTS ROWS
    echo "== $1" >&2
    table "$1" > "$work/$1.csv"
    "$dyepack" trial "$work/$1.csv" $model --policy "$2" --recipients "$3" --rows "$4" --trials "$trials" --seed "$seed" \
        --reference --json --text "$out/$1.txt" --html "$out/$1.html" --force > "$work/$1.json"
    mv "$work/$1.json" "$out/$1.json"
}

for name in ${*:-adult adult_100 nursery german_credit covertype encounters diabetic_data}; do
    case $name in
    adult) board adult examples/policies/adult.toml 20 1000000 ;;
    adult_100)
        # The same columns at four times the rate, some 2 % of the cells, for 10 colluders of 100.
        awk '/^rate = /{ $3 = $3 * 4 } { print }' examples/policies/adult.toml > "$work/adult_100.toml"
        board adult_100 "$work/adult_100.toml" 100 1000000 ;;
    *) board "$name" "examples/policies/$name.toml" 20 "$rows" ;;
    esac
done
