-- Starting, and all that came and went, is ending: by month, plan and currency.
select month, plan_name, currency, starting_mrr, ending_mrr
from {{ ref('rollup_revenue_monthly') }}
where ending_mrr
    != starting_mrr + new_mrr + reactivation_mrr + expansion_mrr + moved_in_mrr
        - contraction_mrr - churned_mrr - moved_out_mrr
